"""The base class of this service's models."""

from sqlalchemy.orm import DeclarativeBase

from opside_chassis.database import COLUMN_TYPES, schema_metadata

SCHEMA = "integrations"


class Base(DeclarativeBase):
    """Models of schema `integrations`."""

    metadata = schema_metadata(SCHEMA)
    type_annotation_map = COLUMN_TYPES
