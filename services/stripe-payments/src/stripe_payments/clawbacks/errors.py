"""What can go wrong with giving a fee back."""

from opside_chassis.errors import Conflict, NotFound, Unprocessable


class NoSuchClawback(NotFound):
    """There is no such transaction or clawback."""

    code = "no_such_clawback"


class MoreThanRecovered(Unprocessable):
    """Amazon cannot have taken back more than it paid."""

    code = "more_than_recovered"


class TakenBackOtherwise(Conflict):
    """This reversal is known with another amount."""

    code = "taken_back_otherwise"
