"""What can go wrong with connecting an account."""

from opside_chassis.errors import BadRequest, Conflict, Unavailable


class ConsentRefused(BadRequest):
    """The return does not belong to a consent that this browser and user started."""

    code = "consent_refused"


class AccountTaken(Conflict):
    """The account is connected to another user."""

    code = "account_taken"


class NotGranted(BadRequest):
    """The provider gave no access that works."""

    code = "not_granted"


class ProviderOff(Unavailable):
    """This installation has no credentials of the provider's: nobody can connect an account there."""

    code = "provider_off"


class ScopeMissing(NotGranted):
    """The person agreed, but not to what the product needs."""

    code = "scope_missing"


class Reconnect(Conflict):
    """The grant was withdrawn or has ended: only its owner can give a new one."""

    code = "reconnect"


class NotConnectedYet(Conflict):
    """There is no account of this provider."""

    code = "not_connected"
