"""A money request accepted in one statement: token id, key with its answer, business row, job.

One statement is one transaction, and one round trip where the same steps one by one take nine. It
takes the locks in the order of those steps, and it has one outcome only: a token that was spent, a
key that was used, a row that is there already break a unique index, nothing is written, and the
caller goes the long way, which knows what each of these means (`idempotency.claim`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import asyncpg

from opside_chassis.database import Sessions, driver_beside
from opside_chassis.database_errors import as_unavailable
from opside_chassis.errors import Unavailable
from opside_chassis.idempotency import RETRY_AFTER_SECONDS, KeyScope, StoredAnswer
from opside_chassis.ids import new_id
from opside_chassis.outbox import current_trace_parent
from opside_chassis.service_token import ServiceIdentity


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be staged, unless one with its dedupe key was."""

    kind: str
    payload: Mapping[str, Any]
    dedupe_key: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Everything that a request leaves behind, known before the database is asked."""

    tenant: str
    service: ServiceIdentity
    scope: KeyScope
    fingerprint: str
    answer: StoredAnswer
    table: str
    row: Mapping[str, Any]
    """Column names are ours, never a client's: they become part of the statement."""
    job: NewJob


async def accept_at_once(sessions: Sessions, acceptance: Acceptance) -> bool:
    """Write it all, or nothing: False when any part of it is there already.

    Raises:
        Unavailable: another request holds a part of it longer than a lock may be waited for, or the
            database is away.
    """
    statement = _statement(acceptance.table, tuple(acceptance.row))
    try:
        await driver_beside(sessions).execute(statement, *_values(acceptance))
    except asyncpg.UniqueViolationError:
        return False
    except asyncpg.LockNotAvailableError as error:
        raise Unavailable(
            "another request about the same is still running",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        ) from error
    except (asyncpg.InterfaceError, asyncpg.PostgresError) as error:
        # It may be written all the same: the key brings the answer when the client asks again.
        raise as_unavailable(error) or error from error
    return True


def _values(acceptance: Acceptance) -> tuple[Any, ...]:
    service, scope, answer = acceptance.service, acceptance.scope, acceptance.answer
    return (
        acceptance.tenant,
        service.service,
        service.token_id,
        service.expires_at,
        scope.caller,
        scope.route,
        scope.key,
        acceptance.fingerprint,
        answer.status_code,
        answer.body,
        answer.resource_id,
        new_id("obx"),
        acceptance.job.kind,
        json.dumps(acceptance.job.payload),
        acceptance.tenant,
        acceptance.job.dedupe_key,
        current_trace_parent(),
        *acceptance.row.values(),
    )


_OWN_PARAMETERS = 17


@cache
def _statement(table: str, columns: tuple[str, ...]) -> str:
    """Each part reads from the one before, so that they run, and lock, in this order."""
    numbers = range(_OWN_PARAMETERS + 1, _OWN_PARAMETERS + 1 + len(columns))
    values = ", ".join(f"${number}" for number in numbers)
    return f"""
        WITH acting AS MATERIALIZED (
            SELECT set_config('opside.tenant', $1, true)
        ), spent AS (
            INSERT INTO used_token_ids (issuer, token_id, expires_at)
            SELECT $2, $3, $4 FROM acting RETURNING 1
        ), claimed AS (
            INSERT INTO idempotency_keys
                (caller, route, key, fingerprint, status_code, body, resource_id)
            SELECT $5, $6, $7, $8, $9, $10, $11 FROM spent RETURNING 1
        ), made AS (
            INSERT INTO {table} ({", ".join(columns)}) SELECT {values} FROM claimed RETURNING 1
        )
        INSERT INTO outbox (id, kind, payload, tenant, dedupe_key, trace_parent)
        SELECT $12, $13, $14, $15, $16, $17 FROM made
    """  # noqa: S608 - table and columns are ours
