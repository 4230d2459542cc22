"""Every table of the schema, for migrations and for the tests that compare both."""

from main_api.accounts import models as accounts_models
from main_api.base import SCHEMA, Base
from main_api.case_facts import models as case_facts_models
from main_api.evidence import models as evidence_models
from main_api.filings import models as filings_models
from main_api.notifications import models as notifications_models
from main_api.recoveries import models as recoveries_models
from main_api.sessions import models as sessions_models
from main_api.user_data import models as user_data_models
from opside_chassis.inbox import inbox_table
from opside_chassis.outbox import outbox_table

metadata = Base.metadata
outbox_table(metadata)
inbox_table(metadata)

__all__ = [
    "SCHEMA",
    "accounts_models",
    "case_facts_models",
    "evidence_models",
    "filings_models",
    "metadata",
    "notifications_models",
    "recoveries_models",
    "sessions_models",
    "user_data_models",
]
