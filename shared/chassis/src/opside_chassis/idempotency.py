"""Answers given once: the same key brings back the stored answer, byte for byte (money-safety section 3).

The record, its final answer and the business row are written in one transaction, so no visible
"in progress" exists: racing requests queue on the primary key, and the losers replay.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Table, Text, func, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.errors import BadRequest, Unavailable, Unprocessable

REPLAYED_HEADER = "Idempotent-Replayed"
RETRY_AFTER_SECONDS = 1
_LOCK_NOT_AVAILABLE = "55P03"
_KEY = re.compile(r"[A-Za-z0-9\-_.:]{1,255}")


@dataclass(frozen=True, slots=True)
class KeyScope:
    """A key counts for one caller (service or user) on one route."""

    caller: str
    route: str
    key: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer that the first request with this key got."""

    status_code: int
    body: str
    resource_id: str


def idempotency_table(metadata: MetaData) -> Table:
    """The table, for a service's metadata. Its migration has `idempotency_extras_sql`, written out."""
    return Table(
        "idempotency_keys",
        metadata,
        Column("caller", Text, primary_key=True),
        Column("route", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("fingerprint", Text, nullable=False),
        Column("status_code", BigInteger),
        Column("body", Text),
        Column("resource_id", Text),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )


def idempotency_extras_sql(schema: str) -> list[str]:
    """What a migration adds: an answer, once there, stays; and no key is committed without one."""
    return [
        f"""
        CREATE FUNCTION {schema}.keep_answer() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.status_code IS NOT NULL OR NEW.fingerprint <> OLD.fingerprint THEN
                RAISE EXCEPTION 'an idempotent answer is set once' USING ERRCODE = '23514';
            END IF;
            RETURN NEW;
        END $$
        """,
        f"CREATE TRIGGER keep_answer BEFORE UPDATE ON {schema}.idempotency_keys"
        f" FOR EACH ROW EXECUTE FUNCTION {schema}.keep_answer()",
        f"""
        CREATE FUNCTION {schema}.require_answer() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT 1 FROM {schema}.idempotency_keys k
                        WHERE (k.caller, k.route, k.key) = (NEW.caller, NEW.route, NEW.key)
                          AND k.status_code IS NULL) THEN
                RAISE EXCEPTION 'an idempotency key was claimed and not answered'
                    USING ERRCODE = '23514';
            END IF;
            RETURN NULL;
        END $$
        """,  # noqa: S608 - a migration's own schema
        f"CREATE CONSTRAINT TRIGGER require_answer AFTER INSERT ON {schema}.idempotency_keys"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status_code IS NULL)"
        f" EXECUTE FUNCTION {schema}.require_answer()",
    ]


def required_key(header: str | None, body_key: str | None = None) -> str:
    """The key of a request, from the header, the body, or both in agreement (ruling R7).

    Raises:
        BadRequest: none is given, the two differ, or it is malformed.
    """
    if header is not None and body_key is not None and header != body_key:
        raise BadRequest("the Idempotency-Key header and idempotencyKey in the body differ")
    key = header if header is not None else body_key
    if key is None:
        raise BadRequest("an Idempotency-Key header is required")
    if not _KEY.fullmatch(key):
        raise BadRequest("an idempotency key has 1 to 255 characters of letters, digits and -_.:")
    return key


def fingerprint(body: Mapping[str, Any]) -> str:
    """A digest of what was asked; the order of fields does not matter."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


_CLAIM = text(
    """
    INSERT INTO idempotency_keys (caller, route, key, fingerprint)
    VALUES (:caller, :route, :key, :fingerprint) ON CONFLICT DO NOTHING RETURNING key
    """
)
_STORED = text(
    """
    SELECT fingerprint, status_code, body, resource_id FROM idempotency_keys
     WHERE caller = :caller AND route = :route AND key = :key
    """
)
_ANSWER = text(
    """
    UPDATE idempotency_keys SET status_code = :status_code, body = :body, resource_id = :resource_id
     WHERE caller = :caller AND route = :route AND key = :key
    RETURNING key
    """
)


async def claim(
    session: AsyncSession, scope: KeyScope, request_fingerprint: str
) -> StoredAnswer | None:
    """Take the key, or get the answer to replay.

    None means the key is ours: `store_answer` must follow in this same transaction.

    Raises:
        Unprocessable: the key was used for another request.
        Unavailable: the first request with this key takes longer than a lock may be waited for.
    """
    keys = {"caller": scope.caller, "route": scope.route, "key": scope.key}
    try:
        claimed = await session.execute(_CLAIM, keys | {"fingerprint": request_fingerprint})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise Unavailable(
            "the first request with this idempotency key is still running",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        ) from error
    if claimed.first() is not None:
        return None
    row = (await session.execute(_STORED, keys)).one()
    if row.fingerprint != request_fingerprint:
        raise Unprocessable("this idempotency key was used for another request")
    return StoredAnswer(row.status_code, row.body, row.resource_id)


async def store_answer(
    session: AsyncSession, scope: KeyScope, *, status_code: int, body: str, resource_id: str
) -> None:
    """Keep the final answer of a claimed key, in the transaction that did the work.

    Raises:
        RuntimeError: the key was not claimed.
    """
    parameters = {
        "caller": scope.caller,
        "route": scope.route,
        "key": scope.key,
        "status_code": status_code,
        "body": body,
        "resource_id": resource_id,
    }
    stored = await session.execute(_ANSWER, parameters)
    if stored.first() is None:
        raise RuntimeError("an answer without a claimed idempotency key")
