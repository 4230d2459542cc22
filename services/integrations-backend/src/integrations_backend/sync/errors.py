"""What can go wrong with a sync."""

from opside_chassis.errors import Conflict, NotFound


class NoSuchSync(NotFound):
    """There is no such sync, or it is somebody else's."""

    code = "no_such_sync"


class NotConnected(Conflict):
    """There is nothing to sync: the Amazon account is not connected."""

    code = "not_connected"
