"""The machinery every Opside service stands on."""
