"""What the Opside services say to each other."""
