"""The whole Opside system on one machine."""
