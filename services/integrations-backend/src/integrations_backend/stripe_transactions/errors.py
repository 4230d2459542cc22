"""What can go wrong with reading a seller's Stripe account."""

from opside_chassis.errors import NotFound, Unavailable


class NoSuchTransaction(NotFound):
    """There is no such movement, or it is somebody else's."""

    code = "no_such_transaction"


class StripeAway(Unavailable):
    """Stripe does not answer right now."""

    code = "stripe_unavailable"
