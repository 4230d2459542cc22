"""Questions to our staff are read by staff alone."""

from alembic import op

revision = "0011"
down_revision = "0010"

# Anybody's work may ask. Reading is for the staff's view over every tenant; a seller's own transaction
# sees the questions that name him, so that his erasure can take his name out.
RULES = """
ALTER TABLE integrations.human_cases ENABLE ROW LEVEL SECURITY;;
ALTER TABLE integrations.human_cases FORCE ROW LEVEL SECURITY;;
CREATE POLICY asking ON integrations.human_cases FOR INSERT WITH CHECK (true);;
CREATE POLICY reading ON integrations.human_cases FOR SELECT USING ({seen});;
CREATE POLICY answering ON integrations.human_cases FOR UPDATE USING ({seen})
"""
TENANT = "current_setting('opside.tenant', true)"
SEEN = (
    f"{TENANT} = '*' OR ({TENANT} <> '' AND"
    f" (strpos(reference, {TENANT}) > 0 OR strpos(reason, {TENANT}) > 0))"
)


def upgrade() -> None:
    for statement in RULES.format(seen=SEEN).split(";;\n"):
        op.execute(statement)


def downgrade() -> None:
    for name in ("asking", "reading", "answering"):
        op.execute(f"DROP POLICY {name} ON integrations.human_cases")
    op.execute("ALTER TABLE integrations.human_cases NO FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE integrations.human_cases DISABLE ROW LEVEL SECURITY")
