"""Report documents in Amazon's own layouts."""
