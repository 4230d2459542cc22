"""What can go wrong with evidence."""

from opside_chassis.errors import Conflict, NotFound, PayloadTooLarge, Unprocessable


class NoSuchEvidence(NotFound):
    """There is no such document, or it is somebody else's."""

    code = "no_such_evidence"


class NoSuchMatch(NotFound):
    """There is no such match, or it is somebody else's."""

    code = "no_such_match"


class NotEvidence(Unprocessable):
    """The content is none of the kinds of file that we take; the detail says what is wrong."""

    code = "not_evidence"


class FileTooLarge(PayloadTooLarge):
    """The file is larger than we keep."""

    code = "file_too_large"


class ArchiveFull(Conflict):
    """The seller keeps as much evidence as one may."""

    code = "archive_full"


class EvidenceInUse(Conflict):
    """A packet that is ready or filed holds the document, so it must stay as it is."""

    code = "evidence_in_use"


class UnitsUsedUp(Conflict):
    """So many units of the document's line are not free: each counts for one claim only."""

    code = "units_used_up"


class WrongField(Unprocessable):
    """A field has another name, or its value another form, than we know."""

    code = "wrong_field"
