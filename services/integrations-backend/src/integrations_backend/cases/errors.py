"""What can go wrong with a case."""

from opside_chassis.errors import Conflict, NotFound


class NoSuchCase(NotFound):
    """There is no such case, or it is somebody else's."""

    code = "no_such_case"


class CaseClosed(Conflict):
    """Nothing is owed for this case now, so it must not be filed; the detail says why."""

    code = "case_closed"


class FiledOtherwise(Conflict):
    """The case was filed under another Amazon case id, or that id belongs to another case."""

    code = "filed_otherwise"
