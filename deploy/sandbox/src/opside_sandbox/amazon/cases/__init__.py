"""Claims filed by a person in Seller Central, and what Amazon decides."""
