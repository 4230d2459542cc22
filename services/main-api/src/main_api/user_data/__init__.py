"""A user's right to his data: a copy of everything that the product holds about him, and its erasure."""
