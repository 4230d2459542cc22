"""A seller of whom something is in every table and in the archive, with a word that is nowhere else."""

import hashlib
from pathlib import Path

from door import Door
from sqlalchemy import text

from opside_chassis.database import EVERY_TENANT, transaction

CANARY = "canary7f3a91"
EMAIL = f"{CANARY}@example.com"
DOCUMENT = CANARY.encode()

_ROWS = """
INSERT INTO users (id, amazon_user_id, email, name) VALUES (:u, 'amzn1.' || :c, :c || '@example.com', :c);
INSERT INTO sessions (id, user_id, csrf_token, user_agent, expires_at) VALUES
    ('ses_' || :u, :u, :c, :c, now() + interval '1 day');
INSERT INTO refresh_tokens (token_hash, session_id, user_id) VALUES (:c, 'ses_' || :u, :u);
INSERT INTO integration_status VALUES (:u, 'gmail', 'connected', :c || '@example.com', now());
INSERT INTO recoveries (id, user_id, recovery_id, case_id, claim_id, claim_type, amount_minor, currency,
    quantity, approved_at, amazon_case_id, billable, rule_version, requested_at, collection, transaction_id)
    VALUES ('rcv_1', :u, '777', 'cas_1', 'clm_1', 'warehouse_lost', 1000, 'usd', 1, now(), :c, true, '1',
    now(), 'fee_only', 'txn_1');
INSERT INTO reversals VALUES (:u, '778', '777', 10, 'usd', now(), now());
INSERT INTO objections (recovery_row_id, user_id, reason, outcome, note, decided_by, decided_at) VALUES
    ('rcv_1', :u, :c, 'rejected', :c, 'usr_olga', now());
INSERT INTO notifications (id, user_id, kind, key, title, body, link, by_email) VALUES
    ('ntf_1', :u, 'found', :c, :c, :c, '/dashboard', false);
INSERT INTO notification_preferences VALUES (:u, 'found', true);
INSERT INTO calendar_feeds (user_id, secret_hash) VALUES (:u, :c);
INSERT INTO case_facts VALUES (:u, 'cas_1', 'clm_1', 'warehouse_lost', :c, :c, :c, :c, 1, '2026-10-01',
    '2026-10-02', '2026-12-01', 100, 'usd', 9000, '1', jsonb_build_object('a', :c));
INSERT INTO case_readings VALUES (:u, now(), true);
INSERT INTO evidence_documents (id, user_id, sha256, size_bytes, media_type, file_name, kind, reading) VALUES
    ('evd_1', :u, :sha, 12, 'application/pdf', '../' || :c || ' 1.pdf', 'invoice', 'read');
INSERT INTO evidence_fields (user_id, document_id, line_no, name, value, confidence_bp, source, changed_by)
    VALUES (:u, 'evd_1', 0, 'supplier', :c, 10000, 'typed', :u);
INSERT INTO evidence_lines (user_id, document_id, line_no, units) VALUES (:u, 'evd_1', 1, 2);
INSERT INTO evidence_matches (id, user_id, document_id, line_no, case_id, units, status, confidence_bp,
    reasons) VALUES ('mat_1', :u, 'evd_1', 1, 'cas_1', 1, 'proposed', 9000, jsonb_build_array(:c));
INSERT INTO filings (id, user_id, case_id, claim_id, claim_type, state, quantity, currency, deadline, facts,
    own_text, changed_by) VALUES ('fil_1', :u, 'cas_1', 'clm_1', 'warehouse_lost', 'drafted', 1, 'usd',
    '2026-12-01', jsonb_build_object('order', :c), :c, :u);
INSERT INTO filing_evidence VALUES (:u, 'fil_1', 'evd_1');
UPDATE filings SET state = 'filed', amazon_case_id = '1234567', filed_at = now(), version = 2;
INSERT INTO inbox (id, source, event_id, type, payload, status) VALUES
    ('inb_1', 'integrations-backend', 'e1', 'connection.changed',
     jsonb_build_object('userId', :u, 'accountId', :c), 'applied');
INSERT INTO outbox (id, kind, payload, tenant, status) VALUES
    ('obx_' || :u, 'send_letter', jsonb_build_object('x', :c), :u, 'done');
INSERT INTO account_exports (id, user_id, status, ordered_at) VALUES ('exp_old', :u, 'failed', now())
"""


async def plant(door: Door, user_id: str) -> None:
    """One row of everything, and a document."""
    sha256 = hashlib.sha256(DOCUMENT).hexdigest()
    rows = _ROWS.replace(":sha", f"'{sha256}'").replace(":u", f"'{user_id}'")
    async with transaction(door.database.sessions, tenant=EVERY_TENANT) as session:
        for statement in rows.replace(":c", f"'{CANARY}'").split(";\n"):
            await session.execute(text(statement))
    _store(door.evidence.place(user_id=user_id, sha256=sha256))


def _store(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(DOCUMENT)
