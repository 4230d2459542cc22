"""A new Express account, with every key that Stripe shows."""

from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import Ask, World, merge_metadata

REQUIRED = (
    "business_profile.url",
    "business_type",
    "external_account",
    "individual.dob.day",
    "individual.first_name",
    "individual.last_name",
    "tos_acceptance.date",
    "tos_acceptance.ip",
)
"""What Stripe asks of a new US account; the onboarding page answers all of it."""

_CURRENCY = {"GB": "gbp", "DE": "eur", "FR": "eur", "IT": "eur", "ES": "eur", "CA": "cad"}
_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def requirements(due: list[str], *, reason: str = "requirements.past_due") -> Document:
    """What is due now; overdue at once, since nothing was ever given.

    `reason`: accounts and capabilities have different words for why they are off.
    """
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": list(due),
        "disabled_reason": reason if due else None,
        "errors": [],
        "eventually_due": list(due),
        "past_due": list(due),
        "pending_verification": [],
    }


def build(world: World, ask: Ask) -> Document:
    """The account that `POST /v1/accounts` answers with."""
    account_id, country = world.new_id("account"), ask.get("country", "US")
    asked = ask.get("capabilities") or {}
    names = [name for name, one in asked.items() if one.get("requested", True)]
    return {
        "id": account_id,
        "object": "account",
        "business_profile": {**_business_profile(), **(ask.get("business_profile") or {})},
        "business_type": ask.get("business_type"),
        "capabilities": dict.fromkeys(names, "inactive"),
        "charges_enabled": False,
        "controller": {
            "fees": {"payer": "application"},
            "is_controller": True,
            "losses": {"payments": "application"},
            "requirement_collection": "stripe",
            "stripe_dashboard": {"type": "express"},
            "type": "application",
        },
        "country": country,
        "created": world.now(),
        "default_currency": ask.get("default_currency") or _CURRENCY.get(country, "usd"),
        "details_submitted": False,
        "email": ask.get("email"),
        "external_accounts": {
            "data": [],
            "has_more": False,
            "object": "list",
            "url": f"/v1/accounts/{account_id}/external_accounts",
        },
        "future_requirements": requirements([]),
        "metadata": merge_metadata(None, ask.params),
        "payouts_enabled": False,
        "requirements": requirements(list(REQUIRED)),
        "settings": _settings(),
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "express" if "type" in ask.params else "none",
        "_requested_at": dict.fromkeys(names, world.now()),
    }


def _business_profile() -> Document:
    return {
        "annual_revenue": None,
        "estimated_worker_count": None,
        "mcc": None,
        "minority_owned_business_designation": None,
        "name": None,
        "product_description": None,
        "support_address": dict(_ADDRESS),
        "support_email": None,
        "support_phone": None,
        "support_url": None,
        "url": None,
    }


def _settings() -> Document:
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": {
            "icon": None,
            "logo": None,
            "primary_color": None,
            "secondary_color": None,
        },
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": None},
        "payments": {
            "statement_descriptor": None,
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 2, "interval": "daily"},
            "statement_descriptor": None,
        },
        "sepa_debit_payments": {},
    }
