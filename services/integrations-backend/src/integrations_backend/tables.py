"""Every table of the schema, for migrations and for the tests that compare both."""

from integrations_backend import human_cases
from integrations_backend.base import SCHEMA, Base
from integrations_backend.cases import models as cases_models
from integrations_backend.connections import models as connections_models
from integrations_backend.invoices import models as invoices_models
from integrations_backend.mail import models as mail_models
from integrations_backend.onboarding import models as onboarding_models
from integrations_backend.reports import models as reports_models
from integrations_backend.stripe_transactions import models as stripe_models
from integrations_backend.sync import models as sync_models
from integrations_backend.vault import models as vault_models
from opside_chassis.inbox import inbox_table
from opside_chassis.outbox import outbox_table

metadata = Base.metadata
outbox_table(metadata)
inbox_table(metadata)

__all__ = [
    "SCHEMA",
    "cases_models",
    "connections_models",
    "human_cases",
    "invoices_models",
    "mail_models",
    "metadata",
    "onboarding_models",
    "reports_models",
    "stripe_models",
    "sync_models",
    "vault_models",
]
