"""Stock as last reported."""
