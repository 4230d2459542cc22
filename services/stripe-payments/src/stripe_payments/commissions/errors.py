"""What can go wrong with asking for a commission."""

from opside_chassis.errors import Conflict, NotFound


class ChargedOtherwise(Conflict):
    """This recovery has a commission with another amount, currency or collection."""

    code = "charged_otherwise"


class NoSuchTransaction(NotFound):
    """There is no such transaction, or it is somebody else's."""

    code = "no_such_transaction"
