"""What was said to Postgres, counted by the server itself (pg_stat_statements)."""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

LIBRARY = "pg_stat_statements"

_SAID = """
    SELECT calls, query FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
     WHERE r.rolname LIKE $1 AND query ~* '^(with|select|insert|update|delete|begin|commit|rollback|set)'
     ORDER BY calls DESC
"""
"""Without the bare expressions that triggers compute at a commit: nobody sent them."""


class Said(NamedTuple):
    """One kind of statement, and how often it was said."""

    calls: int
    query: str


class Statements:
    """Counts from `begin` on; BEGIN and COMMIT are statements too, each costs a round trip."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url

    async def begin(self) -> None:
        """Forget what was said before."""
        connection = await asyncpg.connect(self._admin_url)
        try:
            await connection.execute(f"CREATE EXTENSION IF NOT EXISTS {LIBRARY}")
            await connection.execute("SELECT pg_stat_statements_reset()")
        finally:
            await connection.close()

    async def said(self, schema: str) -> Sequence[Said]:
        """By the roles of a schema, the most frequent first."""
        connection = await asyncpg.connect(self._admin_url)
        try:
            rows = await connection.fetch(_SAID, f"{schema}\\_%")
        finally:
            await connection.close()
        return [Said(row["calls"], " ".join(row["query"].split())) for row in rows]
