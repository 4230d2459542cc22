"""What was collected and is owed to the seller."""
