"""Every route that main-api passes on: to whom, with which method, for whom. What is not here is 404."""

from dataclasses import dataclass
from enum import StrEnum

from opside_chassis.access import ADMIN, USER


class Upstream(StrEnum):
    """The services behind the door."""

    INTEGRATIONS = "integrations-backend"
    PAYMENTS = "stripe-payments"


@dataclass(frozen=True, slots=True)
class PassedOn:
    """One route. Other paths of the same thing, kept from the source documents, are rows of their own."""

    method: str
    path: str
    upstream: Upstream
    roles: tuple[str, ...] = (USER, ADMIN)
    binds_browser: bool = False
    """The callee needs the hash of the browser session (OAuth returns)."""


def _integrations(method: str, path: str) -> PassedOn:
    return PassedOn(method, path, Upstream.INTEGRATIONS)


def _payments(method: str, path: str, *roles: str) -> PassedOn:
    return PassedOn(method, path, Upstream.PAYMENTS, roles or (USER, ADMIN))


def _both_forms(method: str, path: str) -> tuple[PassedOn, PassedOn]:
    """A route that exists as /api/... and as /api/v1/..."""
    return _integrations(method, f"/api{path}"), _integrations(method, f"/api/v1{path}")


def _consent(method: str, path: str) -> PassedOn:
    """A step of a provider's consent: bound to the browser."""
    return PassedOn(method, path, Upstream.INTEGRATIONS, binds_browser=True)


def _consents(provider: str) -> tuple[PassedOn, ...]:
    """The page to go to and the return from it, of one provider, in both forms."""
    return tuple(
        _consent("GET", f"{form}/{provider}/{step}")
        for form in ("/api", "/api/v1")
        for step in ("auth", "callback")
    )


ROUTES: tuple[PassedOn, ...] = (
    *_both_forms("GET", "/connections"),
    *_consents("amazon"),
    *_both_forms("GET", "/amazon/claims"),
    *_both_forms("GET", "/amazon/losses"),
    *_both_forms("GET", "/amazon/inventory"),
    *_both_forms("GET", "/amazon/fees"),
    *_both_forms("GET", "/amazon/unit-ledger"),
    *_both_forms("DELETE", "/amazon/disconnect"),
    *_consents("gmail"),
    _consent("POST", "/api/gmail/connect"),
    _consent("POST", "/api/v1/gmail/connect"),
    *_both_forms("GET", "/gmail/status"),
    *_both_forms("GET", "/gmail/emails"),
    *_both_forms("GET", "/gmail/search"),
    *_both_forms("DELETE", "/gmail/disconnect"),
    *_consents("stripe"),
    # A seller's own Stripe account. Its /api/v1 forms of connect and of one transaction are not
    # passed on: those addresses belong to stripe-payments (decision 0010).
    _consent("POST", "/api/stripe/connect"),
    *_both_forms("GET", "/stripe/account"),
    *_both_forms("GET", "/stripe/transactions"),
    _integrations("GET", "/api/stripe/transactions/{transaction_id}"),
    *_both_forms("DELETE", "/stripe/disconnect"),
    *_both_forms("GET", "/invoices"),
    *_both_forms("GET", "/invoices/{invoice_id}"),
    *_both_forms("PUT", "/invoices/{invoice_id}"),
    *_both_forms("GET", "/invoices/{invoice_id}/document"),
    *_both_forms("POST", "/invoices/{invoice_id}/confirm"),
    *_both_forms("POST", "/invoices/{invoice_id}/reject"),
    *_both_forms("GET", "/sync/status/{sync_id}"),
    *_both_forms("GET", "/sync/history"),
    *_both_forms("GET", "/sync/statistics"),
    *_both_forms("GET", "/sync/coverage"),
    *_both_forms("POST", "/sync/start"),
    *_both_forms("DELETE", "/sync/cancel/{sync_id}"),
    _integrations("GET", "/api/cases"),
    _integrations("GET", "/api/cases/{case_id}"),
    _integrations("GET", "/api/recoveries"),
    _integrations("PUT", "/api/costs"),
    _integrations("POST", "/api/reports/upload"),
    _integrations("GET", "/api/reports/uploads/{upload_id}"),
    *_both_forms("GET", "/stripe/status"),
    _payments("GET", "/api/v1/stripe/status/{user_id}"),
    _payments("POST", "/api/v1/stripe/connect"),
    _payments("POST", "/api/v1/stripe/onboarding-link"),
    _payments("POST", "/api/v1/stripe/create-customer-setup"),
    _payments("POST", "/api/v1/stripe/get-or-create-customer"),
    _payments("GET", "/api/v1/stripe/payment-methods"),
    _payments("DELETE", "/api/v1/stripe/payment-methods/{payment_method_id}"),
    _payments("GET", "/api/v1/stripe/transactions/{reference}"),
    _payments("GET", "/api/v1/stripe/transactions/{transaction_id}/statement"),
    _payments("GET", "/api/v1/stripe/user-audit/{user_id}"),
    _payments("POST", "/api/v1/stripe/create-subscription"),
    _payments("POST", "/api/v1/stripe/cancel-subscription"),
    _payments("GET", "/api/v1/stripe/subscriptions/{user_id}"),
    _payments("GET", "/api/v1/stripe/invoices/{user_id}"),
    _payments("GET", "/api/v1/stripe/users/{user_id}/transactions"),
    _payments("GET", "/api/v1/stripe/audit-trail/{transaction_id}"),
    *(
        _payments(method, f"/api/v1/stripe/{path}", ADMIN)
        for method, path in (
            ("GET", "ledger/proof"),
            ("GET", "audit/verify"),
            ("GET", "finance-export"),
            ("POST", "clawback"),
            ("POST", "reconcile"),
            ("POST", "retry-transaction"),
            ("POST", "process-reconciliations"),
            ("GET", "reconciliation-summary"),
            ("POST", "breaks/{break_id}/mend"),
            ("POST", "breaks/{break_id}/close"),
            ("GET", "cases"),
            ("POST", "cases/{case_id}/resolve"),
            ("GET", "rates"),
            ("PUT", "rates/{user_id}"),
            ("GET", "queue-stats"),
            ("GET", "unprocessed-webhooks"),
            ("GET", "idempotency-stats"),
            ("POST", "cleanup"),
        )
    ),
)
