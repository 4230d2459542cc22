"""What a seller was charged for, and why."""
