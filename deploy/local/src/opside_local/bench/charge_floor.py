"""The floor of `charge_accept`: a plain FastAPI + SQLAlchemy app, three inserts in one transaction.

`python -m opside_local.bench.charge_floor PORT` with DATABASE_URL. No token, no guards, no triggers,
no replay: what anybody would write first, with the columns that our three rows have.
"""

import os
import sys
import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Header
from pydantic import BaseModel
from sqlalchemy import BigInteger, DateTime, MetaData, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from opside_chassis.database import asyncpg_url

PATH = "/charge"
RATE_BP = 2_000


class Base(DeclarativeBase):
    """The floor's own tables."""

    metadata = MetaData(schema="floor")

    type_annotation_map = {  # noqa: RUF012 - read once by SQLAlchemy
        int: BigInteger,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
    }


class Key(Base):
    """The answer given to a key."""

    __tablename__ = "keys"

    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    status_code: Mapped[int]
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Charge(Base):
    """The business row."""

    __tablename__ = "charges"
    __table_args__ = (UniqueConstraint("user_id", "claim_id", "recovery_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(index=True)
    claim_id: Mapped[str]
    recovery_id: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    rate_bp: Mapped[int]
    fee_minor: Mapped[int]
    share_minor: Mapped[int]
    state: Mapped[str] = mapped_column(index=True)
    deadline_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Job(Base):
    """The work to do later."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    tenant: Mapped[str]
    status: Mapped[str] = mapped_column(default="waiting")
    due_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class Asked(BaseModel):
    """The body."""

    userId: str  # noqa: N815 - the names on the wire
    claimId: str  # noqa: N815
    recoveryId: str  # noqa: N815
    amountRecoveredCents: int  # noqa: N815
    currency: str


class Answer(BaseModel):
    """The answer."""

    transactionId: str  # noqa: N815 - the names on the wire
    status: str
    platformFeeCents: int  # noqa: N815
    sellerPayoutCents: int  # noqa: N815
    currency: str


def create(engine: AsyncEngine) -> FastAPI:
    """The whole app."""
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    app = FastAPI()

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post(PATH, status_code=202)
    async def charge(asked: Asked, idempotency_key: Annotated[str, Header()]) -> Answer:
        row = _charge(asked)
        answer = Answer(
            transactionId=row.id,
            status=row.state,
            platformFeeCents=row.fee_minor,
            sellerPayoutCents=row.share_minor,
            currency=row.currency,
        )
        body = answer.model_dump_json()
        job = Job(id=uuid.uuid4().hex, kind="collect", payload={"id": row.id}, tenant=row.user_id)
        async with sessions.begin() as session:
            session.add(Key(key=idempotency_key, fingerprint="", status_code=202, body=body))
            session.add_all([row, job])
        return answer

    return app


def _charge(asked: Asked) -> Charge:
    fee_minor = (asked.amountRecoveredCents * RATE_BP + 5_000) // 10_000
    return Charge(
        id=uuid.uuid4().hex,
        user_id=asked.userId,
        claim_id=asked.claimId,
        recovery_id=asked.recoveryId,
        amount_minor=asked.amountRecoveredCents,
        currency=asked.currency,
        rate_bp=RATE_BP,
        fee_minor=fee_minor,
        share_minor=asked.amountRecoveredCents - fee_minor,
        state="accepted",
        deadline_at=datetime.now(UTC) + timedelta(seconds=120),
    )


def main() -> None:
    """Serve until killed."""
    engine = create_async_engine(asyncpg_url(os.environ["DATABASE_URL"]), pool_size=10)
    uvicorn.run(create(engine), port=int(sys.argv[1]), log_level="critical", access_log=False)


if __name__ == "__main__":
    main()
