"""Gmail's search language, for the operators that the product uses."""
