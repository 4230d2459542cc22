"""Who changed what, in an unbroken chain."""
