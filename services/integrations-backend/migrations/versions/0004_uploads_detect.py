"""An upload says how far it is, and what detection found; earlier ones were never looked at."""

from alembic import op

revision = "0004"
down_revision = "0003"

DEFAULT_STORE = "ATVPDKIKX0DER"


def upgrade() -> None:
    uploads = "ALTER TABLE integrations.report_uploads"
    op.execute(
        f"{uploads} ADD COLUMN status TEXT NOT NULL DEFAULT 'failed',"
        f" ADD COLUMN marketplace_id TEXT NOT NULL DEFAULT '{DEFAULT_STORE}',"
        " DROP COLUMN claims, DROP COLUMN losses"
    )
    op.execute(
        f"{uploads} ALTER COLUMN status DROP DEFAULT, ALTER COLUMN marketplace_id DROP DEFAULT,"
        " ADD COLUMN claims BIGINT, ADD COLUMN losses BIGINT,"
        " ADD CONSTRAINT ck_report_uploads_status"
        " CHECK (status IN ('detecting', 'done', 'failed')),"
        " ADD CONSTRAINT ck_report_uploads_found"
        " CHECK ((status = 'done') = (claims IS NOT NULL AND losses IS NOT NULL))"
    )


def downgrade() -> None:
    op.execute(
        "ALTER TABLE integrations.report_uploads"
        " DROP COLUMN status, DROP COLUMN marketplace_id, DROP COLUMN claims, DROP COLUMN losses,"
        " ADD COLUMN claims BIGINT NOT NULL DEFAULT 0, ADD COLUMN losses BIGINT NOT NULL DEFAULT 0"
    )
