"""Received once: what another system told us, stored before anything is done about it.

A webhook or event becomes an inbox row and the job that will apply it in one statement; a repeat stores
nothing. Applying flips the row in the transaction of its effect, so an event has one effect.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    MetaData,
    Row,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from opside_chassis.database import Sessions, driver_beside
from opside_chassis.ids import new_id
from opside_chassis.outbox import current_trace_parent


@dataclass(frozen=True, slots=True)
class InboxEvent:
    """An event as received. `account` is the sender's account it speaks of, empty for its own.

    `payload` may also be given as the text of a JSON object that Postgres is known to take.
    """

    source: str
    event_id: str
    type: str
    payload: Mapping[str, Any] | str
    account: str = ""

    @property
    def payload_text(self) -> str:
        """The payload as JSON."""
        return self.payload if isinstance(self.payload, str) else json.dumps(self.payload)


def inbox_table(metadata: MetaData) -> Table:
    """The table, for a service's metadata. Its migration also has `inbox_extras_sql`, written out."""
    return Table(
        "inbox",
        metadata,
        Column("id", Text, primary_key=True),
        Column("source", Text, nullable=False),
        Column("account", Text, nullable=False, server_default=""),
        Column("event_id", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("payload", JSONB, nullable=False),
        Column("status", Text, nullable=False, server_default="received"),
        Column("attempts", BigInteger, nullable=False, server_default="0"),
        Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("applied_at", DateTime(timezone=True)),
        Column("last_error", Text),
        UniqueConstraint("source", "account", "event_id"),
        Index("ix_inbox_unapplied", "received_at", postgresql_where=text("status = 'received'")),
    )


def inbox_extras_sql(schema: str) -> list[str]:
    """What a migration adds to the table: the legal statuses."""
    return [
        f"ALTER TABLE {schema}.inbox ADD CONSTRAINT ck_inbox_status"
        " CHECK (status IN ('received', 'applied', 'ignored', 'parked'))",
    ]


_RECEIVE = """
    WITH stored AS (
        INSERT INTO inbox (id, source, account, event_id, type, payload)
        VALUES ($1, $2, $3, $4, $5, CAST($6 AS jsonb))
        ON CONFLICT (source, account, event_id) DO NOTHING
        RETURNING id
    )
    INSERT INTO outbox (id, kind, payload, trace_parent)
    SELECT $7, $8, jsonb_build_object('inboxId', id), CAST($9 AS text) FROM stored
    RETURNING id
"""


async def receive(session: AsyncSession | AsyncConnection, event: InboxEvent, *, kind: str) -> bool:
    """Store an event and stage the job `kind` with payload `{"inboxId": ...}`, in one statement.

    Answers False for a repeat: nothing was stored or staged. A door that takes bursts has an `Intake`.
    """
    connection = session if isinstance(session, AsyncConnection) else await session.connection()
    stored = await connection.exec_driver_sql(_RECEIVE, _values(event, kind))
    return stored.first() is not None


def _values(event: InboxEvent, kind: str) -> tuple[str | None, ...]:
    return (
        new_id("inb"),
        event.source,
        event.account,
        event.event_id,
        event.type,
        event.payload_text,
        new_id("obx"),
        kind,
        current_trace_parent(),
    )


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A stored event, locked for the transaction that applies it."""

    id: str
    source: str
    account: str
    event_id: str
    type: str
    payload: Mapping[str, Any]
    status: str

    @property
    def waiting(self) -> bool:
        """True while it has had no effect yet."""
        return self.status == "received"


_COLUMNS = "id, source, account, event_id, type, payload, status"


async def lock(session: AsyncSession, inbox_id: str) -> InboxRow:
    """The event, locked until the transaction ends; check `waiting` before applying it."""
    query = text(f"SELECT {_COLUMNS} FROM inbox WHERE id = :id FOR UPDATE")  # noqa: S608 - constant
    row: Row[Any] = (await session.execute(query, {"id": inbox_id})).one()
    return InboxRow(**row._mapping)


async def read(sessions: Sessions, inbox_id: str) -> InboxRow:
    """The event, without a lock and outside of any transaction."""
    query = f"SELECT {_COLUMNS} FROM inbox WHERE id = $1"  # noqa: S608 - constant
    row = await driver_beside(sessions).fetchrow(query, inbox_id)
    if row is None:
        raise LookupError(f"no event {inbox_id}")
    return InboxRow(**{**row, "payload": json.loads(row["payload"])})


async def mark(session: AsyncSession, inbox_id: str, status: str, *, error: str = "") -> None:
    """Flip the event to `applied`, `ignored` or `parked`, in the transaction of its effect."""
    await session.execute(
        text(
            "UPDATE inbox SET status = :status, applied_at = now(), attempts = attempts + 1,"
            " last_error = NULLIF(:error, '') WHERE id = :id AND status = 'received'"
        ),
        {"id": inbox_id, "status": status, "error": error},
    )
