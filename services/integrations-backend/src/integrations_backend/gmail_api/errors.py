"""How Google fails, in our words (facts/amazon-gmail.md section 7)."""

from integrations_backend.grants import ProviderUnavailable, TokenRefused

__all__ = [
    "AttachmentTooLarge",
    "GmailUnavailable",
    "MailDenied",
    "MailRequestRefused",
    "NotThere",
    "OverQuota",
    "TokenRefused",
]


class GmailUnavailable(ProviderUnavailable):
    """5xx, a timeout, a broken answer, or a fault of ours such as invalid_client: try again later."""


class OverQuota(Exception):
    """429, or 403 rateLimitExceeded: wait and repeat, ever longer; Google says not how long."""


class MailDenied(Exception):
    """403 for good: a scope was not ticked, an administrator forbids it, or the day's quota is spent.

    `reason` is Google's word for it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotThere(Exception):
    """404: no such message, or a start of history that Google has forgotten."""


class MailRequestRefused(Exception):
    """400: repeating the same call is useless."""


class AttachmentTooLarge(Exception):
    """More bytes than we take."""
