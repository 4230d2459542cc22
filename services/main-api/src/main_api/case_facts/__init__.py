"""What integrations-backend last told of a seller's open cases, for reading without asking again."""
