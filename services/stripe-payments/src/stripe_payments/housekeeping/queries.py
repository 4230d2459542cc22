"""All SQL of housekeeping."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


async def job_counts(session: AsyncSession) -> Sequence[Row[Any]]:
    """Jobs by kind: due, planned, running, failing, parked."""
    query = text(
        """
        SELECT kind,
               count(*) FILTER (WHERE status = 'waiting' AND due_at <= now()) AS waiting,
               count(*) FILTER (WHERE status = 'waiting' AND due_at > now()) AS planned,
               count(*) FILTER (WHERE status = 'leased') AS active,
               count(*) FILTER (WHERE status = 'waiting' AND failures > 0) AS failed,
               count(*) FILTER (WHERE status = 'parked') AS dead,
               extract(epoch FROM now() - min(due_at) FILTER (
                   WHERE status = 'waiting' AND due_at <= now()))::bigint AS oldest_seconds
          FROM outbox WHERE status <> 'done' GROUP BY kind ORDER BY kind
        """
    )
    return (await session.execute(query)).all()


async def unapplied_events(session: AsyncSession, *, limit: int) -> Sequence[Row[Any]]:
    """Stored events without an effect yet, oldest first."""
    query = text(
        """
        SELECT event_id, type, account, status, attempts, last_error, received_at,
               extract(epoch FROM now() - received_at)::bigint AS age_seconds
          FROM inbox WHERE status IN ('received', 'parked') ORDER BY received_at LIMIT :limit
        """
    )
    return (await session.execute(query, {"limit": limit})).all()


async def count_unapplied(session: AsyncSession) -> int:
    """How many there are."""
    query = text("SELECT count(*) FROM inbox WHERE status IN ('received', 'parked')")
    count: int = (await session.execute(query)).scalar_one()
    return count


async def ignored_types(
    session: AsyncSession, *, since: datetime, limit: int
) -> Sequence[Row[Any]]:
    """Events without an effect by type, the most frequent first: of no type we handle, or not about us."""
    query = text(
        """
        SELECT type, count(*) AS number, max(received_at) AS latest_at
          FROM inbox WHERE status = 'ignored' AND received_at >= :since
         GROUP BY type ORDER BY number DESC, type LIMIT :limit
        """
    )
    return (await session.execute(query, {"since": since, "limit": limit})).all()


async def key_counts(session: AsyncSession) -> Sequence[Row[Any]]:
    """Idempotency keys by caller and route."""
    query = text(
        "SELECT caller, route, count(*) AS keys, min(created_at) AS oldest_at"
        " FROM idempotency_keys GROUP BY caller, route ORDER BY caller, route"
    )
    return (await session.execute(query)).all()


async def forget_expired(
    session: AsyncSession, *, key_days: int, event_days: int
) -> dict[str, int]:
    """Delete what its class allows; answers how many of each."""
    removed = {}
    for name, statement, days in (
        ("idempotencyKeys", _OLD_KEYS, key_days),
        ("webhookEvents", _OLD_EVENTS, event_days),
        ("usedTokenIds", _OLD_TOKENS, 0),
    ):
        result = await session.execute(text(statement), {"days": days})
        removed[name] = len(result.all())
    return removed


_OLD_KEYS = """
    DELETE FROM idempotency_keys k
     WHERE created_at < now() - make_interval(days => :days)
       AND NOT EXISTS (SELECT 1 FROM commissions c
                        WHERE c.id = k.resource_id AND c.deadline_at IS NOT NULL)
       AND NOT EXISTS (SELECT 1 FROM clawbacks w WHERE w.id = k.resource_id
                          AND w.state NOT IN ('succeeded', 'nothing_due'))
    RETURNING key
"""
_OLD_EVENTS = "SELECT forget_old_events(:days) AS id"
_OLD_TOKENS = (
    "DELETE FROM used_token_ids WHERE expires_at < now() - make_interval(days => :days, mins => 5)"
    " RETURNING token_id"
)


async def kept_counts(session: AsyncSession, *, days: int) -> Row[Any]:
    """Rows older than asked that their class keeps."""
    query = text(
        """
        SELECT (SELECT count(*) FROM journals
                 WHERE booked_at < now() - make_interval(days => :days)) AS journals,
               (SELECT count(*) FROM transaction_audit
                 WHERE at < now() - make_interval(days => :days)) AS audit,
               (SELECT count(*) FROM inbox
                 WHERE received_at < now() - make_interval(days => :days)) AS events,
               (SELECT count(*) FROM idempotency_keys
                 WHERE created_at < now() - make_interval(days => :days)) AS keys
        """
    )
    return (await session.execute(query, {"days": days})).one()
