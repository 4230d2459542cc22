"""The one API version that these objects have."""

API_VERSION = "2026-05-27.dahlia"
