"""Gmail: consents of several providers, mailboxes, suppliers' invoices and what was done with them."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None: ...


def downgrade() -> None: ...
