"""What can go wrong with a filing."""

from opside_chassis.errors import Conflict, NotFound, Unprocessable


class NoSuchFiling(NotFound):
    """There is no such filing, or it is somebody else's."""

    code = "no_such_filing"


class WrongMove(Conflict):
    """The filing cannot go from where it stands to there."""

    code = "wrong_move"


class CaseNotOpen(Conflict):
    """Nothing may be filed for this case now; the detail says why."""

    code = "case_not_open"


class FiledOtherwise(Conflict):
    """The filing has another Amazon case id, or that id belongs to another filing."""

    code = "filed_otherwise"


class PacketTooLarge(Conflict):
    """More evidence than one packet may hold."""

    code = "packet_too_large"


class PacketNotBound(Unprocessable):
    """The evidence cannot be bound into one PDF; the ZIP holds everything."""

    code = "packet_not_bound"


class PacketChanged(Conflict):
    """A document of the packet was deleted at this moment; the next try is without it."""

    code = "packet_changed"


class NoSuchFeed(NotFound):
    """There is no such calendar, or it was revoked."""

    code = "no_such_feed"
