"""How sending fails, in our words."""

from opside_chassis.errors import BadRequest, Unavailable


class AddressRefused(BadRequest):
    """The server refuses this recipient for good."""

    code = "address_refused"


class MailUnavailable(Unavailable):
    """The server is away, or refuses us for now."""

    code = "mail_unavailable"
