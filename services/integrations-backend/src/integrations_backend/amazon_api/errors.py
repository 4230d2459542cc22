"""How Amazon fails, in our words (facts/amazon-gmail.md sections 1.4, 2, 3)."""


class GrantRefused(Exception):
    """`invalid_grant`: only the seller can mend it, by consenting again."""


class AccessDenied(Exception):
    """403 although the token was fresh: the role is missing or the authorisation was withdrawn."""


class Throttled(Exception):
    """429, or our own bucket is empty: wait; Amazon says neither how long nor why."""


class AmazonUnavailable(Exception):
    """5xx, a timeout, a broken answer, or a fault of ours such as invalid_client: try again later."""


class RequestRefused(Exception):
    """400 or 404: repeating the same call is useless."""
