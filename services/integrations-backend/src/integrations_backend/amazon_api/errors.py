"""How Amazon fails, in our words (facts/amazon-gmail.md sections 1.4, 2, 3)."""

from integrations_backend.grants import GrantRefused, ProviderUnavailable

__all__ = [
    "AccessDenied",
    "AmazonUnavailable",
    "GrantRefused",
    "NoRoomOnDisk",
    "RequestRefused",
    "Throttled",
]


class AccessDenied(Exception):
    """403 although the token was fresh: the role is missing or the authorisation was withdrawn."""


class Throttled(Exception):
    """429, or our own bucket is empty: the operation may be called again after so many seconds."""

    def __init__(self, operation: str, wait_seconds: float = 60.0) -> None:
        super().__init__(operation)
        self.wait_seconds = wait_seconds


class AmazonUnavailable(ProviderUnavailable):
    """5xx, a timeout, a broken answer, or a fault of ours such as invalid_client: try again later."""


class RequestRefused(Exception):
    """400 or 404: repeating the same call is useless."""


class NoRoomOnDisk(Exception):
    """The disk that documents are unpacked on is almost full: an operator must make room."""
