"""Who a session speaks for, asked of the database in one statement: every request asks it."""

from alembic import op

revision = "0006"
down_revision = "0005"

# The tenant is set before the tables are looked at, for this statement's transaction alone.
UP = """
CREATE FUNCTION main_api.read_session(of_user text, of_session text, at timestamptz)
    RETURNS TABLE (session_id text, csrf_token text, role text)
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM set_config('opside.tenant', of_user, true);
    RETURN QUERY
        SELECT s.id, s.csrf_token, u.role
          FROM main_api.sessions s JOIN main_api.users u ON u.id = s.user_id
         WHERE s.id = of_session AND s.user_id = of_user
           AND s.revoked_at IS NULL AND s.expires_at > at;
END $$
"""


def upgrade() -> None:
    """Make the function."""
    op.execute(UP)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP FUNCTION main_api.read_session(text, text, timestamptz)")
