"""Every table of the schema, for migrations and for the tests that compare both."""

from sqlalchemy import Index, text

from opside_chassis.idempotency import idempotency_table
from opside_chassis.inbox import inbox_table
from opside_chassis.outbox import outbox_table
from opside_chassis.service_token import used_token_ids_table
from stripe_payments.audit import models as audit_models
from stripe_payments.base import SCHEMA, Base
from stripe_payments.clawbacks import models as clawbacks_models
from stripe_payments.commissions import models as commissions_models
from stripe_payments.connected_accounts import models as connected_accounts_models
from stripe_payments.customers import models as customers_models
from stripe_payments.ledger import models as ledger_models
from stripe_payments.reconciliation import models as reconciliation_models
from stripe_payments.subscriptions import models as subscriptions_models

metadata = Base.metadata
outbox_table(metadata)
_inbox = inbox_table(metadata)
Index("ix_inbox_ignored", _inbox.c.received_at, postgresql_where=text("status = 'ignored'"))
idempotency_table(metadata)
used_token_ids_table(metadata)

__all__ = [
    "SCHEMA",
    "audit_models",
    "clawbacks_models",
    "commissions_models",
    "connected_accounts_models",
    "customers_models",
    "ledger_models",
    "metadata",
    "reconciliation_models",
    "subscriptions_models",
]
