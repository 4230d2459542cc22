"""In whose name a transaction works: the duties of facts/money-safety.md section 2 as database roles.

The app's transactions are the api's and the worker's are the worker's, unless they name another one.
Migration 0006 says what each may do; the login role itself may do nothing.
"""

API = "payments_api"
"""Creates requests; books nothing."""
WORKER = "payments_worker"
"""Performs requests, also those of webhooks; creates none."""
JANITOR = "payments_janitor"
"""Resolves: sweeps, polls, compares, mends, cancels."""
ADMIN = "payments_admin"
"""Orders refunds, retries and clean-ups; performs none of them."""
AUDITOR = "payments_auditor"
"""Reads."""
EVERYBODY = (API, WORKER, JANITOR, ADMIN, AUDITOR)
