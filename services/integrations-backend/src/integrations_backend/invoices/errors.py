"""What can go wrong with an invoice."""

from opside_chassis.errors import Conflict, NotFound, Unprocessable


class Unreadable(Exception):
    """The file cannot be read by a program; the reason is for its owner."""


class ReaderBusy(Exception):
    """The reader got no processor in time: not the file's fault, and worth another try."""


class NoSuchInvoice(NotFound):
    """There is no such invoice, or it belongs to somebody else."""


class WrongState(Conflict):
    """What was asked does not fit where the invoice stands."""

    code = "wrong_state"


class IncompleteInvoice(Unprocessable):
    """A field is missing without which no cost can be booked."""

    code = "incomplete_invoice"
