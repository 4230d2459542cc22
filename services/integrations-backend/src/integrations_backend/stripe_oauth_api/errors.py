"""How Stripe fails, in our words (facts/stripe.md; OAuth errors have a shape of their own)."""

from integrations_backend.grants import GrantRefused, NoAccess, ProviderUnavailable, TokenRefused

__all__ = [
    "GrantRefused",
    "NoAccess",
    "RequestRefused",
    "StripeUnavailable",
    "Throttled",
    "TokenRefused",
]


class Throttled(Exception):
    """429: the account is asked for more than its limit allows."""


class StripeUnavailable(ProviderUnavailable):
    """5xx, 409, a timeout, a broken answer, or a fault of ours such as invalid_client."""


class RequestRefused(Exception):
    """400 or 404: repeating the same call is useless."""
