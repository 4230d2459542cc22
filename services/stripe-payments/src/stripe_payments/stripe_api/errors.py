"""How a Stripe call fails: definitely, or with an unknown outcome."""


class OutcomeUnknown(Exception):
    """Timeout, reset, 409, 429 or 5xx: it may have happened. Only fetching tells (money-safety 5)."""


class Refused(Exception):
    """Stripe said no for good: the request changed nothing."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
