"""What can be wrong with a report file."""

from opside_chassis.errors import BadRequest, NotFound


class UnreadableReport(BadRequest):
    """The file as a whole cannot be read; the detail says why and what to do."""

    code = "unreadable_report"


class NoSuchUpload(NotFound):
    """There is no such upload, or it is somebody else's."""

    code = "no_such_upload"
