"""The page a seller lands on."""
