"""What sellers are told, and which of it they want by e-mail."""

from alembic import op

from opside_chassis.database import tenant_policy_sql

revision = "0005"
down_revision = "0004"

_KINDS = """('found', 'deadline', 'paid', 'taken_back', 'charged', 'charge_failed', 'fee_given_back',
        'reconnect')"""

UP = (
    f"""
    CREATE TABLE main_api.notifications (
        id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        title TEXT NOT NULL,
        body TEXT NOT NULL,
        link TEXT NOT NULL,
        by_email BOOLEAN NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        read_at TIMESTAMP WITH TIME ZONE,
        emailed_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_notifications PRIMARY KEY (id),
        CONSTRAINT uq_notifications_user_id_key UNIQUE (user_id, key),
        CONSTRAINT ck_notifications_kind CHECK (kind IN {_KINDS}),
        -- A path of ours: a notice never sends anybody to another site.
        CONSTRAINT ck_notifications_link CHECK (link ~ '^/([^/]|$)' AND position(E'\\\\' IN link) = 0)
    )
    """,
    "CREATE INDEX ix_notifications_feed ON main_api.notifications (user_id, id)",
    """
    CREATE INDEX ix_notifications_unsent ON main_api.notifications (user_id)
        WHERE by_email AND emailed_at IS NULL
    """,
    f"""
    CREATE TABLE main_api.notification_preferences (
        user_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        by_email BOOLEAN NOT NULL,
        CONSTRAINT pk_notification_preferences PRIMARY KEY (user_id, kind),
        CONSTRAINT ck_notification_preferences_kind CHECK (kind IN {_KINDS})
    )
    """,
)
TENANT_TABLES = ("notifications", "notification_preferences")


def upgrade() -> None:
    """Make both tables."""
    for statement in UP:
        op.execute(statement)
    for table in TENANT_TABLES:
        for statement in tenant_policy_sql(f"main_api.{table}"):
            op.execute(statement)


def downgrade() -> None:
    """What was told is forgotten."""
    for table in TENANT_TABLES:
        op.execute(f"DROP TABLE main_api.{table}")
