"""Which errors of the database are told as 503, and which stay mistakes of ours."""

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from opside_chassis.database_errors import as_unavailable


class DriverError(Exception):
    """As SQLAlchemy keeps an error of the driver."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("secret words")
        self.sqlstate = sqlstate


def by_sqlalchemy(sqlstate: str, *, lost: bool = False) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, DriverError(sqlstate), connection_invalidated=lost)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PoolTimeoutError("no place"), "busy"),
        (by_sqlalchemy("", lost=True), "not answer"),
        (by_sqlalchemy("57P01"), "not answer"),
        (by_sqlalchemy("53300"), "not answer"),
        (by_sqlalchemy("08006"), "not answer"),
        (by_sqlalchemy("40P01"), "busy"),
        (by_sqlalchemy("55P03"), "busy"),
        (by_sqlalchemy("57014"), "busy"),
        (asyncpg.AdminShutdownError("x"), "not answer"),
        (asyncpg.ConnectionDoesNotExistError("x"), "not answer"),
        (asyncpg.InterfaceError("connection is closed"), "not answer"),
        (asyncpg.QueryCanceledError("x"), "busy"),
    ],
)
def test_what_others_do_to_the_database_is_told(error: Exception, told: str) -> None:
    found = as_unavailable(error)
    assert found is not None
    assert (found.status, found.extra) == (503, {"away": "database"})
    assert told in found.detail
    assert found.retry_after_seconds in {1, 2}


@pytest.mark.parametrize(
    "error",
    [
        by_sqlalchemy("23505"),
        by_sqlalchemy("42P01"),
        asyncpg.UniqueViolationError("x"),
        asyncpg.InterfaceError("another operation is in progress"),
        OSError("a file"),
        TimeoutError(),
        ValueError("ours"),
    ],
)
def test_a_mistake_of_ours_is_not_hidden(error: Exception) -> None:
    assert as_unavailable(error) is None
