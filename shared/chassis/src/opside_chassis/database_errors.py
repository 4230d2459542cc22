"""When Postgres is away or overloaded: not the caller's fault, and not a bug of ours either."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from opside_chassis.errors import Unavailable

AWAY_RETRY_SECONDS = 2
"""A Postgres that restarts is back within seconds."""
BUSY_RETRY_SECONDS = 1

_AWAY_CLASSES = ("08", "57P", "53")
"""SQL states: connection lost, server shut down or starting, too many connections or no room."""
_BUSY_STATES = {"40001", "40P01", "55P03", "57014"}
"""Serialization failure, deadlock, lock or statement waited for too long: the same may work next time."""


def database_away() -> Unavailable:
    """The database cannot be reached, or was lost in the middle."""
    return Unavailable(
        "The database does not answer; try again in a moment.",
        retry_after_seconds=AWAY_RETRY_SECONDS,
        away="database",
    )


def database_busy() -> Unavailable:
    """The database, or our share of its connections, is taken by others for too long."""
    return Unavailable(
        "The database is busy; try again in a moment.",
        retry_after_seconds=BUSY_RETRY_SECONDS,
        away="database",
    )


def as_unavailable(error: BaseException) -> Unavailable | None:
    """What a caller is told of an error of the database; None when the error is of another kind."""
    if isinstance(error, PoolTimeoutError):
        return database_busy()
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return database_away()
        return _by_state(getattr(error.orig, "sqlstate", None))
    if isinstance(error, asyncpg.InterfaceError):
        # The driver's own words, without a state; others of its kind are mistakes of ours.
        return database_away() if "closed" in str(error) else None
    if isinstance(error, asyncpg.PostgresError):
        return _by_state(error.sqlstate)
    return None


def _by_state(state: str | None) -> Unavailable | None:
    if state in _BUSY_STATES:
        return database_busy()
    return database_away() if (state or "").startswith(_AWAY_CLASSES) else None
