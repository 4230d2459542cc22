"""What a service holds about a user: told table by table, given out row by row, erased in one transaction.

Each service declares its tables in its own `user_data/declared.py`, every one of them: a guard test knows
the tables of the schema and fails for one that nobody declared. Export and erasure read the declaration,
so a table that is new is exported and erased by naming it there.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import NotFound
from opside_chassis.wire import AnswerModel

ROWS_AT_ONCE = 500
"""Fetched from the server together: memory stays small however many rows a seller has."""
LONG_STATEMENT_SECONDS = 60
"""Stored events are looked through as a whole; nobody waits for the answer in a browser."""

_A_NAME = re.compile(r"[a-z_]+")


@dataclass(frozen=True, slots=True)
class Goes:
    """The user's rows are deleted. `by`: the migration's function that does it where we may not."""

    by: str = ""


@dataclass(frozen=True, slots=True)
class Stays:
    """The user's rows are kept as they are, for this reason."""

    because: str


@dataclass(frozen=True, slots=True)
class Blurred:
    """The user's rows are kept, but these columns become these SQL expressions; `by` as in `Goes`."""

    columns: Mapping[str, str]
    because: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class UserTable:
    """One table with data of users.

    `rows` is the SQL condition that names the user's rows (`:user_id`); `hidden` are columns that are not
    exported, each with the reason; `not_exported` is the reason why nothing of the table is.
    """

    name: str
    about: str
    erasure: Goes | Stays | Blurred
    rows: str = "user_id = :user_id"
    hidden: Mapping[str, str] = field(default_factory=dict)
    not_exported: str = ""

    def __post_init__(self) -> None:
        if not _A_NAME.fullmatch(self.name):
            raise ValueError(f"{self.name} is no name of a table")


def outbox_of(erasure: Goes | Stays) -> UserTable:
    """The jobs of every service, which know their user as their tenant."""
    return UserTable(
        "outbox",
        "Jobs of our workers for you",
        erasure,
        rows="tenant = :user_id",
        not_exported="orders to our own workers; what they did is in the other tables",
    )


class TableShown(AnswerModel):
    """A table of an export."""

    name: str
    about: str
    columns: list[str]


class FileShown(AnswerModel):
    """A stored document of an export."""

    key: str
    size_bytes: int


class Holding(AnswerModel):
    """What a service can give out about a user."""

    tables: list[TableShown]
    files: list[FileShown]


class ErasureHeld(AnswerModel):
    """Why a user cannot be erased now, in words for him; empty: he can be."""

    reasons: list[str]


class Keeper(Protocol):
    """A service's side of export and erasure."""

    @property
    def sessions(self) -> Sessions:
        """Of its database."""
        ...

    @property
    def tables(self) -> Sequence[UserTable]:
        """Its declaration."""
        ...

    @property
    def reading_role(self) -> str | None:
        """The duty that may read all of the tables; None: the service has no duties."""
        ...

    async def files(self, user_id: str) -> Sequence[FileShown]:
        """The user's stored documents."""
        ...

    async def open_file(self, user_id: str, key: str) -> AsyncIterator[bytes]:
        """The parts of one of these; raises `NotFound`."""
        ...

    async def held(self, user_id: str) -> list[str]:
        """Why the user cannot be erased now."""
        ...

    async def erase(self, user_id: str) -> None:
        """Erase the user; again is harmless. Raises `Conflict` while it is held."""
        ...


async def holding(keeper: Keeper, user_id: str) -> Holding:
    """The tables with their columns, and the documents."""
    shown = []
    async with transaction(keeper.sessions, tenant=user_id, role=keeper.reading_role) as session:
        for table in exported(keeper.tables):
            columns = await _columns(session, table)
            shown.append(TableShown(name=table.name, about=table.about, columns=columns))
    return Holding(tables=shown, files=list(await keeper.files(user_id)))


def exported(tables: Sequence[UserTable]) -> list[UserTable]:
    """Those that a user is given."""
    return [table for table in tables if not table.not_exported]


def given_out(tables: Sequence[UserTable], name: str) -> UserTable:
    """The table; raises `NotFound` for one that no user is given."""
    for table in exported(tables):
        if table.name == name:
            return table
    raise NotFound("no such table is given out")


async def rows_of(keeper: Keeper, user_id: str, table: UserTable) -> AsyncIterator[str]:
    """The user's rows of a table, each as the text of a JSON object, in one transaction."""
    async with transaction(keeper.sessions, tenant=user_id, role=keeper.reading_role) as session:
        await _take_time(session)
        chosen = ", ".join(f't."{column}"' for column in await _columns(session, table))
        query = text(
            f"SELECT row_to_json(r)::text FROM (SELECT {chosen} FROM {table.name} AS t"  # noqa: S608
            f" WHERE {table.rows}) AS r"
        ).execution_options(yield_per=ROWS_AT_ONCE)
        async for row in await session.stream(query, {"user_id": user_id}):
            yield row[0]


async def _columns(session: AsyncSession, table: UserTable) -> list[str]:
    """As the database has them, so that a column that is new is given out unless it is hidden."""
    found = await session.execute(
        text(
            "SELECT attname FROM pg_attribute WHERE attrelid = CAST(:name AS regclass)"
            " AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        ),
        {"name": table.name},
    )
    return [row.attname for row in found if row.attname not in table.hidden]


async def erase_rows(session: AsyncSession, tables: Sequence[UserTable], user_id: str) -> None:
    """Delete and blur what the declaration says, in its order, in the caller's transaction.

    What the application may not change itself a function of the migration changes, for this tenant
    alone, the first time that a table names it.
    """
    await _take_time(session)
    called: set[str] = set()
    for table in tables:
        match table.erasure:
            case Stays():
                continue
            case Goes(by=function) | Blurred(by=function) if function:
                if function not in called:
                    called.add(function)
                    await _run(session, f"SELECT {function}(:user_id)", user_id)
            case Goes():
                await _run(session, f"DELETE FROM {table.name} WHERE {table.rows}", user_id)  # noqa: S608
            case Blurred(columns=columns):
                changes = ", ".join(f"{name} = {value}" for name, value in columns.items())
                statement = f"UPDATE {table.name} SET {changes} WHERE {table.rows}"  # noqa: S608
                await _run(session, statement, user_id)


async def _take_time(session: AsyncSession) -> None:
    await session.execute(text(f"SET LOCAL statement_timeout = '{LONG_STATEMENT_SECONDS}s'"))


async def _run(session: AsyncSession, statement: str, user_id: str) -> None:
    values: dict[str, Any] = {"user_id": user_id}
    await session.execute(text(statement), values)
