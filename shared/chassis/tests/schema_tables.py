"""The tables of a schema that exists only in the chassis' tests."""

from sqlalchemy import Column, Table, Text

from opside_chassis.database import schema_metadata
from opside_chassis.idempotency import idempotency_table
from opside_chassis.inbox import inbox_table
from opside_chassis.outbox import outbox_table
from opside_chassis.service_token import used_token_ids_table

SCHEMA = "workbench"
metadata = schema_metadata(SCHEMA)

outbox_table(metadata)
inbox_table(metadata)
idempotency_table(metadata)
used_token_ids_table(metadata)
notes = Table(
    "notes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("words", Text, nullable=False),
)
