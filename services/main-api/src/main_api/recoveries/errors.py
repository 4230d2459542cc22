"""What can go wrong between a recovery and its fee."""

from opside_chassis.errors import Conflict, NotFound


class RecoveryContradicted(Conflict):
    """What we are told of a reimbursement does not fit what we were told before."""

    code = "recovery_contradicted"


class RecoveryUnknown(NotFound):
    """An event came before the recovery it speaks of. Tried again; a person looks if it never comes."""

    code = "recovery_unknown"


class FeePending(Conflict):
    """The fee on a recovery has not been accepted yet, so that nothing of it can be given back."""

    code = "fee_pending"


class TooLateToObject(Conflict):
    """The fee was asked for already, or will never be; there is nothing to hold back."""

    code = "too_late_to_object"


class ObjectionDecided(Conflict):
    """An objection is decided once."""

    code = "objection_decided"
