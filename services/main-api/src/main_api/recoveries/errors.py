"""What can go wrong between a recovery and its fee."""

from opside_chassis.errors import Conflict


class RecoveryContradicted(Conflict):
    """The same reimbursement was told to us with another amount or currency."""

    code = "recovery_contradicted"
