"""What can go wrong with connecting an account."""

from opside_chassis.errors import BadRequest, Conflict


class ConsentRefused(BadRequest):
    """The return does not belong to a consent that this browser and user started."""

    code = "consent_refused"


class AccountTaken(Conflict):
    """The selling account is connected to another user."""

    code = "account_taken"


class NotGranted(BadRequest):
    """Amazon gave no access that works."""

    code = "not_granted"
