"""The base class of this service's models."""

from sqlalchemy.orm import DeclarativeBase

from opside_chassis.database import COLUMN_TYPES, schema_metadata

SCHEMA = "payments"


class Base(DeclarativeBase):
    """Models of schema `payments`."""

    metadata = schema_metadata(SCHEMA)
    type_annotation_map = COLUMN_TYPES
