"""Gmail: mailboxes, the papers found in them, suppliers' invoices and what was done with them."""

from alembic import op

from opside_chassis.database import tenant_policy_sql

revision = "0005"
down_revision = "0004"

TABLES = """
CREATE TABLE integrations.mailboxes (
    user_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    history_id TEXT,
    listing_from TEXT,
    page TEXT,
    looking_since TIMESTAMP WITH TIME ZONE,
    spent_units BIGINT DEFAULT '0' NOT NULL,
    refusals BIGINT DEFAULT '0' NOT NULL,
    looked_at TIMESTAMP WITH TIME ZONE,
    problem TEXT,
    CONSTRAINT pk_mailboxes PRIMARY KEY (user_id)
);

CREATE TABLE integrations.found_mails (
    user_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    tries BIGINT DEFAULT '0' NOT NULL,
    state TEXT DEFAULT 'waiting' NOT NULL,
    note TEXT,
    CONSTRAINT pk_found_mails PRIMARY KEY (user_id, account_id, message_id),
    CONSTRAINT ck_found_mails_state CHECK (state IN ('waiting', 'read', 'gone', 'failed'))
);

CREATE INDEX ix_found_mails_waiting ON integrations.found_mails (user_id, account_id)
    WHERE state = 'waiting';

CREATE TABLE integrations.papers (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    media TEXT NOT NULL,
    filename TEXT NOT NULL,
    kind TEXT NOT NULL,
    shipments JSONB NOT NULL,
    archived_as TEXT NOT NULL,
    sender TEXT NOT NULL,
    subject TEXT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_papers PRIMARY KEY (id),
    CONSTRAINT uq_papers_user_id_sha256 UNIQUE (user_id, sha256),
    CONSTRAINT uq_papers_user_id_id UNIQUE (user_id, id)
);

CREATE TABLE integrations.paper_sources (
    user_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    part_id TEXT NOT NULL,
    paper_id TEXT NOT NULL,
    CONSTRAINT pk_paper_sources PRIMARY KEY (user_id, account_id, message_id, part_id),
    CONSTRAINT fk_paper_sources_user_id_papers FOREIGN KEY (user_id, paper_id)
        REFERENCES integrations.papers (user_id, id)
);

CREATE TABLE integrations.supplier_invoices (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    paper_id TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    supplier TEXT,
    number TEXT,
    dated DATE,
    currency TEXT,
    total_minor BIGINT,
    goods JSONB NOT NULL,
    reading JSONB NOT NULL,
    same_as TEXT,
    version BIGINT DEFAULT '1' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_supplier_invoices PRIMARY KEY (id),
    CONSTRAINT uq_supplier_invoices_user_id_id UNIQUE (user_id, id),
    CONSTRAINT uq_supplier_invoices_user_id_paper_id UNIQUE (user_id, paper_id),
    CONSTRAINT fk_supplier_invoices_user_id_papers FOREIGN KEY (user_id, paper_id)
        REFERENCES integrations.papers (user_id, id),
    CONSTRAINT ck_supplier_invoices_status CHECK (status IN
        ('needs_typing', 'proposed', 'accepted', 'confirmed', 'rejected', 'duplicate', 'no_goods')),
    CONSTRAINT ck_supplier_invoices_same_as CHECK ((status = 'duplicate') = (same_as IS NOT NULL)),
    CONSTRAINT ck_supplier_invoices_booked CHECK (status NOT IN ('accepted', 'confirmed')
        OR (supplier IS NOT NULL AND number IS NOT NULL AND dated IS NOT NULL AND currency IS NOT NULL))
);

CREATE TABLE integrations.invoice_changes (
    user_id TEXT NOT NULL,
    invoice_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    action TEXT NOT NULL,
    before JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_invoice_changes PRIMARY KEY (user_id, invoice_id, version),
    CONSTRAINT fk_invoice_changes_user_id_supplier_invoices FOREIGN KEY (user_id, invoice_id)
        REFERENCES integrations.supplier_invoices (user_id, id)
);

ALTER TABLE integrations.cost_entries ADD COLUMN invoice_id TEXT;
CREATE INDEX ix_cost_entries_invoice ON integrations.cost_entries (user_id, invoice_id)
    WHERE invoice_id IS NOT NULL
"""
OWN = (
    "mailboxes",
    "found_mails",
    "papers",
    "paper_sources",
    "supplier_invoices",
    "invoice_changes",
)


def upgrade() -> None:
    for statement in TABLES.split(";"):
        op.execute(statement)
    for table in OWN:
        for statement in tenant_policy_sql(f"integrations.{table}", column="user_id"):
            op.execute(statement)
    op.execute("REVOKE UPDATE, DELETE ON integrations.invoice_changes FROM integrations_app")
    op.execute("REVOKE UPDATE, DELETE ON integrations.paper_sources FROM integrations_app")


def downgrade() -> None:
    op.execute("ALTER TABLE integrations.cost_entries DROP COLUMN invoice_id")
    for table in reversed(OWN):
        op.execute(f"DROP TABLE integrations.{table}")
