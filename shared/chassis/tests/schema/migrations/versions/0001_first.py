"""All tables of the test schema."""

from alembic import op
from schema_tables import SCHEMA, metadata

from opside_chassis.database import tenant_policy_sql
from opside_chassis.idempotency import idempotency_extras_sql
from opside_chassis.inbox import inbox_extras_sql
from opside_chassis.outbox import outbox_extras_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    statements = (
        outbox_extras_sql(SCHEMA)
        + inbox_extras_sql(SCHEMA)
        + idempotency_extras_sql(SCHEMA)
        + tenant_policy_sql(f"{SCHEMA}.notes")
    )
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
    for function in ("wake_relay", "keep_answer", "require_answer"):
        op.execute(f"DROP FUNCTION {SCHEMA}.{function}")
