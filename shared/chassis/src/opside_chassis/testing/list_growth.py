"""How many statements a list takes to read, and rows to fill it with: a list must not ask once a row."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import asyncpg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

LENGTHS = (1, 10, 50)
"""Items in a list: as many as any page shows, and so few that a question a row would show."""

Varied = Mapping[str, Sequence[str]]
"""Tables, and of each the columns (texts or numbers) in which one copy of a row differs from another."""
FAR_APART = 1_000
"""Numbers of copies lie so far from each other, so that rows may have numbers in between."""


@contextmanager
def statements_of(engine: AsyncEngine) -> Iterator[list[str]]:
    """What the engine's connections are asked while the block runs."""
    said: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", hear)


async def multiply(admin_url: str, varied: Varied, *, copies: int) -> None:
    """Add so many copies of every row of these tables, each with other values in the varied columns.

    Rows that named each other still do: the same text or number is varied alike everywhere.
    As superuser and without triggers: a copy need not have come about as rows do, it is only read.
    """
    connection = await asyncpg.connect(admin_url)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            for table, columns in varied.items():
                await connection.execute(await _copy(connection, table, columns, copies))
    finally:
        await connection.close()


async def _copy(
    connection: "asyncpg.Connection[asyncpg.Record]",
    table: str,
    columns: Sequence[str],
    copies: int,
) -> str:
    query = (
        "SELECT attname, atttypid::regtype::text FROM pg_attribute WHERE attrelid = $1::regclass"
    )
    types = dict(await connection.fetch(query, table))
    changed = ", ".join(f"'{name}', {_another(name, types[name], copies)}" for name in columns)
    return (
        f"INSERT INTO {table} OVERRIDING SYSTEM VALUE"  # noqa: S608 - names of our own tables
        f" SELECT (jsonb_populate_record(row, jsonb_build_object({changed}))).*"
        f" FROM {table} AS row, generate_series(1, {copies}) AS which_copy"
    )


def _another(column: str, kind: str, copies: int) -> str:
    """An expression for the value of a copy. Every call copies another number of times, and so differs."""
    if kind == "bigint":
        return f"row.{column} + {FAR_APART * copies} * which_copy"
    text = f"row.{column} || '-{copies}-' || which_copy"
    return f"encode(sha256(({text})::bytea), 'hex')" if column == "sha256" else text
