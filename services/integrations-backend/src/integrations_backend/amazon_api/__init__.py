"""Amazon's Selling Partner API and its consent, as much as we use."""
