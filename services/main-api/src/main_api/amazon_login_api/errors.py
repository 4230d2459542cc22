"""How Login with Amazon fails, in our words."""

from opside_chassis.errors import BadRequest, Unavailable


class CodeRefused(BadRequest):
    """Amazon did not accept the code: used, expired, or made for another redirect address."""

    code = "sign_in_refused"


class AmazonUnavailable(Unavailable):
    """Amazon did not answer, or answered with a fault of its own (or ours, such as invalid_client)."""

    code = "amazon_unavailable"
