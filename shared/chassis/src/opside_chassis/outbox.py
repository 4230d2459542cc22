"""Staged work: a job is born as a row in the transaction that needs it (facts/money-safety.md section 4).

Nothing is lost when Redis is: the queue only carries the ids of rows that are here. A row is handed out
under a lease with a growing attempt number; whoever works under an older number is fenced off. Beginning
a run grows the number once more, so of two deliveries of one hand-out only the first runs. Here is what
services use; `leases.py` has the hand-out and its outcomes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from opentelemetry import propagate
from sqlalchemy import BigInteger, Column, DateTime, Index, MetaData, Row, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.ids import new_id


class LostLease(Exception):
    """Another attempt has taken this job over: stop without writing."""


class RetryLater(Exception):
    """A handler asks to be run again after so many seconds; not counted as a failure."""

    def __init__(self, after_seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds


@dataclass(frozen=True, slots=True)
class StagedJob:
    """One piece of work as handed to its handler."""

    id: str
    kind: str
    payload: Mapping[str, Any]
    tenant: str | None
    attempt: int
    failures: int = 0
    """How many runs before this one failed, or ended with their worker."""
    trace_parent: str | None = None
    dedupe_key: str | None = None

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """The job of a row of `outbox`."""
        return cls(
            id=row.id,
            kind=row.kind,
            payload=row.payload,
            tenant=row.tenant,
            attempt=row.attempt,
            failures=row.failures,
            trace_parent=row.trace_parent,
            dedupe_key=row.dedupe_key,
        )


PRUNABLE = "status = 'done' AND (dedupe_key IS NULL OR dedupe_key LIKE 'schedule:%')"
"""Rows that may go after a while. One with a dedupe key of the business stays: it must never work twice."""


def outbox_table(metadata: MetaData) -> Table:
    """The table, for a service's metadata. Its migration also has `outbox_extras_sql`, written out."""
    now = func.now()
    return Table(
        "outbox",
        metadata,
        Column("id", Text, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("payload", JSONB, nullable=False),
        Column("tenant", Text),
        Column("dedupe_key", Text, unique=True),
        Column("status", Text, nullable=False, server_default="waiting"),
        Column("attempt", BigInteger, nullable=False, server_default="0"),
        Column("failures", BigInteger, nullable=False, server_default="0"),
        Column("due_at", DateTime(timezone=True), nullable=False, server_default=now),
        Column("lease_until", DateTime(timezone=True)),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=now),
        Column("finished_at", DateTime(timezone=True)),
        Column("last_error", Text),
        Column("trace_parent", Text),
        Index("ix_outbox_waiting", "due_at", postgresql_where=text("status = 'waiting'")),
        Index("ix_outbox_leased", "lease_until", postgresql_where=text("status = 'leased'")),
        Index("ix_outbox_prunable", "finished_at", postgresql_where=text(PRUNABLE)),
    )


WAKE_EVERY_MS = 20
"""A relay is told of new rows at most so often; it looks again a moment after it was told."""


def outbox_channel(schema: str) -> str:
    """The NOTIFY channel that wakes a schema's relay."""
    return f"outbox_{schema}"


def outbox_extras_sql(schema: str) -> list[str]:
    """What a migration adds to the table: the legal statuses, and the trigger that wakes the relay."""
    woken = f"{schema}.outbox_woken_ms"
    telling = f"0, '{woken}'::regclass::int"
    now_ms = "extract(epoch FROM clock_timestamp()) * 1000"
    # The sequence is read before the clock is: a moment before the last telling is a clock set back.
    untold = (
        f"EXISTS (SELECT FROM {woken}"
        f" WHERE {now_ms} NOT BETWEEN last_value AND last_value + {WAKE_EVERY_MS})"
    )
    return [
        f"CREATE INDEX IF NOT EXISTS ix_outbox_prunable ON {schema}.outbox (finished_at)"
        f" WHERE {PRUNABLE}",
        f"ALTER TABLE {schema}.outbox ADD CONSTRAINT ck_outbox_status"
        " CHECK (status IN ('waiting', 'leased', 'done', 'parked'))",
        f"CREATE SEQUENCE {woken} OWNED BY {schema}.outbox.id",
        # A commit that notifies waits for all others that do: of a burst, only a few may. A statement
        # that is ended between lock and unlock keeps the lock until its connection closes; until then
        # the relay finds the others' rows at its sweep, once a second.
        f"""
        CREATE FUNCTION {schema}.wake_relay() RETURNS trigger
            LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
        BEGIN
            -- Of those who find it untold at the same moment one tells: the others find it told,
            -- or the lock with the one that is telling.
            IF {untold} AND pg_try_advisory_lock({telling}) THEN
                IF {untold} THEN
                    PERFORM setval('{woken}', floor({now_ms})::bigint);
                    PERFORM pg_notify('{outbox_channel(schema)}', '');
                END IF;
                PERFORM pg_advisory_unlock({telling});
            END IF;
            RETURN NULL;
        END $$
        """,
        f"CREATE TRIGGER wake_relay AFTER INSERT ON {schema}.outbox"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {schema}.wake_relay()",
    ]


def current_trace_parent() -> str | None:
    """The W3C traceparent of the running span, to be carried over to the job."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


_STAGE = text(
    """
    INSERT INTO outbox (id, kind, payload, tenant, dedupe_key, due_at, trace_parent)
    VALUES (:id, :kind, CAST(:payload AS jsonb), :tenant, :dedupe_key,
            COALESCE(CAST(:due_at AS timestamptz), now()), :trace_parent)
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING id
    """
)


async def stage(
    session: AsyncSession,
    kind: str,
    payload: Mapping[str, Any],
    *,
    tenant: str | None = None,
    due_at: datetime | None = None,
    dedupe_key: str | None = None,
) -> str | None:
    """Stage a job in the caller's transaction; answers its id.

    Freeze in the payload every parameter of a later provider call, so that retries are identical.
    With a `dedupe_key` that was used before nothing happens and the answer is None.
    """
    parameters = {
        "id": new_id("obx"),
        "kind": kind,
        "payload": json.dumps(payload),
        "tenant": tenant,
        "dedupe_key": dedupe_key,
        "due_at": due_at,
        "trace_parent": current_trace_parent(),
    }
    staged: str | None = (await session.execute(_STAGE, parameters)).scalar_one_or_none()
    return staged


_FENCE = text(
    "SELECT 1 FROM outbox WHERE id = :id AND attempt = :attempt AND status = 'leased' FOR UPDATE"
)


async def fence(session: AsyncSession, job: StagedJob) -> None:
    """Called first in every write transaction of a handler.

    Raises:
        LostLease: the job was handed out again meanwhile; this attempt must not write.
    """
    row = await session.execute(_FENCE, {"id": job.id, "attempt": job.attempt})
    if row.first() is None:
        raise LostLease(job.id)
