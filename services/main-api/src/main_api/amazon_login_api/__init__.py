"""Login with Amazon: the person, not the selling account."""
