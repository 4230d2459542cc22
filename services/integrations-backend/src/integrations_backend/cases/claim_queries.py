"""SQL about claims and losses as detected; that about cases is in `queries.py`."""

from collections.abc import Sequence

from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.cases.models import AmazonClaim, DetectedLoss
from integrations_backend.detection.findings import Claim, Loss
from opside_chassis.ids import new_id

_CHANGING = ("quantity", "value_minor", "confidence_bp", "rule_version", "explanation")
CONFIDENCE_BP = 10_000


async def keep_claims(
    session: AsyncSession,
    claims: Sequence[Claim],
    *,
    user_id: str,
    marketplace_id: str,
    sync_id: str,
) -> None:
    """Insert new claims; change known ones only where the source did. Deadlines never move."""
    for claim in claims:
        statement = insert(AmazonClaim).values(
            id=new_id("clm"),
            user_id=user_id,
            claim_key=claim.key,
            marketplace_id=marketplace_id,
            claim_type=claim.claim_type,
            fnsku=claim.fnsku,
            sku=claim.sku,
            order_id=claim.order_id,
            reference_id=claim.reference_id,
            quantity=claim.quantity,
            event_date=claim.event_date,
            opens_on=claim.opens,
            deadline=claim.deadline,
            value_minor=claim.value_minor,
            currency=claim.currency,
            confidence_bp=round(claim.confidence * CONFIDENCE_BP),
            rule_version=claim.rule_version,
            explanation=claim.explanation,
            sync_id=sync_id,
        )
        fresh = statement.excluded
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["user_id", "claim_key"],
                set_={
                    **{name: fresh[name] for name in _CHANGING},
                    "sync_id": fresh.sync_id,
                    "updated_at": func.now(),
                },
                where=or_(
                    *(
                        getattr(AmazonClaim, name).is_distinct_from(fresh[name])
                        for name in ("quantity", "value_minor", "rule_version")
                    )
                ),
            )
        )


async def replace_losses(session: AsyncSession, losses: Sequence[Loss], *, user_id: str) -> None:
    """The losses of the newest detection."""
    await session.execute(delete(DetectedLoss).where(DetectedLoss.user_id == user_id))
    rows = [
        {
            "user_id": user_id,
            "place": place,
            "claim_type": loss.claim_type,
            "fnsku": loss.fnsku,
            "order_id": loss.order_id,
            "reference_id": loss.reference_id,
            "quantity": loss.quantity,
            "event_date": loss.event_date,
            "reason": loss.reason,
        }
        for place, loss in enumerate(losses)
    ]
    if rows:
        await session.execute(insert(DetectedLoss), rows)


async def claims_page(
    session: AsyncSession, *, user_id: str, before: str | None, limit: int
) -> list[AmazonClaim]:
    """The user's claims, newest first, one more than asked."""
    query = select(AmazonClaim).where(AmazonClaim.user_id == user_id)
    if before is not None:
        query = query.where(AmazonClaim.id < before)
    return list(await session.scalars(query.order_by(AmazonClaim.id.desc()).limit(limit + 1)))
