"""SQL about claims and losses as detected; that about cases is in `queries.py`."""

import json
from collections.abc import Sequence

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.cases.models import AmazonClaim, DetectedLoss, RefundEngineCase
from integrations_backend.cases.rules import NOT_SHOWN
from integrations_backend.detection.answered import MONEY_CLAIMS
from integrations_backend.detection.findings import Claim, Findings, Loss
from opside_chassis.ids import new_id

CONFIDENCE_BP = 10_000
CLAIMS_IN_ONE_STATEMENT = 2_000
_KEEP = text(
    """
    INSERT INTO amazon_claims AS known
           (id, user_id, claim_key, marketplace_id, claim_type, fnsku, sku, order_id, reference_id,
            quantity, event_date, opens_on, deadline, value_minor, currency, confidence_bp,
            rule_version, explanation, sync_id)
    SELECT id, :user_id, claim_key, :marketplace_id, claim_type, fnsku, sku, order_id, reference_id,
           quantity, event_date, opens_on, deadline, value_minor, currency, confidence_bp,
           rule_version, explanation, :sync_id
      FROM jsonb_to_recordset(CAST(:claims AS jsonb)) AS claim (
           id text, claim_key text, claim_type text, fnsku text, sku text, order_id text,
           reference_id text, quantity bigint, event_date date, opens_on date, deadline date,
           value_minor bigint, currency text, confidence_bp bigint, rule_version text,
           explanation jsonb)
        ON CONFLICT (user_id, claim_key) DO UPDATE
       SET quantity = excluded.quantity, value_minor = excluded.value_minor,
           confidence_bp = excluded.confidence_bp, rule_version = excluded.rule_version,
           explanation = excluded.explanation, sync_id = excluded.sync_id, settled_as = NULL,
           updated_at = now()
     WHERE (known.quantity, known.value_minor, known.rule_version, known.settled_as)
           IS DISTINCT FROM (excluded.quantity, excluded.value_minor, excluded.rule_version, NULL)
    """
)
_SETTLE = text(
    """
    UPDATE amazon_claims claim
       SET settled_as = settled.value, sync_id = :sync_id, updated_at = now()
      FROM jsonb_each_text(CAST(:settled AS jsonb)) AS settled
     WHERE claim.user_id = :user_id AND claim.claim_key = settled.key
    """
)


async def hold_findings(session: AsyncSession, user_id: str) -> None:
    """Until the end of the transaction nobody else records findings of this user."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
    await session.execute(lock, {"key": f"findings:{user_id}"})


async def keep_claims(
    session: AsyncSession,
    claims: Sequence[Claim],
    *,
    user_id: str,
    marketplace_id: str,
    sync_id: str,
) -> None:
    """Insert new claims; change known ones only where the source did. Deadlines never move.

    One that was settled and is owed again may be claimed again.
    """
    named = {"user_id": user_id, "marketplace_id": marketplace_id, "sync_id": sync_id}
    for start in range(0, len(claims), CLAIMS_IN_ONE_STATEMENT):
        some = claims[start : start + CLAIMS_IN_ONE_STATEMENT]
        rows = json.dumps([_row(claim) for claim in some])
        await session.execute(_KEEP, named | {"claims": rows})


def _row(claim: Claim) -> dict[str, object]:
    return {
        "id": new_id("clm"),
        "claim_key": claim.key,
        "claim_type": claim.claim_type,
        "fnsku": claim.fnsku,
        "sku": claim.sku,
        "order_id": claim.order_id,
        "reference_id": claim.reference_id,
        "quantity": claim.quantity,
        "event_date": claim.event_date.isoformat(),
        "opens_on": claim.opens.isoformat(),
        "deadline": claim.deadline.isoformat(),
        "value_minor": claim.value_minor,
        "currency": claim.currency,
        "confidence_bp": round(claim.confidence * CONFIDENCE_BP),
        "rule_version": claim.rule_version,
        "explanation": claim.explanation,
    }


async def settle_other_claims(
    session: AsyncSession, findings: Findings, *, user_id: str, sync_id: str
) -> None:
    """Claims that detection no longer finds get the reason that it gives for their loss."""
    query = select(AmazonClaim.claim_key).where(
        AmazonClaim.user_id == user_id, AmazonClaim.settled_as.is_(None)
    )
    gone = set(await session.scalars(query)) - {claim.key for claim in findings.claims}
    if not gone:
        return
    # Of a loss that is told in two parts the second counts: why the rest is not owed.
    reasons = {loss.key: loss.reason for loss in findings.losses if loss.key in gone}
    settled = json.dumps({key: reasons.get(key, NOT_SHOWN) for key in gone})
    await session.execute(_SETTLE, {"user_id": user_id, "sync_id": sync_id, "settled": settled})


async def filed_about_money(session: AsyncSession, user_id: str) -> dict[str, str]:
    """Claim keys of the filed cases that ask for a sum, by Amazon's case id."""
    query = (
        select(RefundEngineCase.amazon_case_id, AmazonClaim.claim_key)
        .join(
            AmazonClaim,
            (AmazonClaim.user_id == RefundEngineCase.user_id)
            & (AmazonClaim.id == RefundEngineCase.claim_id),
        )
        .where(
            RefundEngineCase.user_id == user_id,
            RefundEngineCase.amazon_case_id.is_not(None),
            AmazonClaim.claim_type.in_(MONEY_CLAIMS),
        )
    )
    return {row.amazon_case_id: row.claim_key for row in await session.execute(query)}


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
            "explanation": loss.explanation,
        }
        for place, loss in enumerate(losses)
    ]
    if rows:
        await session.execute(insert(DetectedLoss), rows)


async def losses_page(
    session: AsyncSession, *, user_id: str, after: int, limit: int
) -> list[DetectedLoss]:
    """Losses that are no claims, in the order of the last detection, one more than asked."""
    query = select(DetectedLoss).where(DetectedLoss.user_id == user_id, DetectedLoss.place > after)
    return list(await session.scalars(query.order_by(DetectedLoss.place).limit(limit + 1)))


async def claims_page(
    session: AsyncSession, *, user_id: str, before: str | None, limit: int
) -> list[AmazonClaim]:
    """What the user may claim now, newest first, one more than asked."""
    query = select(AmazonClaim).where(
        AmazonClaim.user_id == user_id, AmazonClaim.settled_as.is_(None)
    )
    if before is not None:
        query = query.where(AmazonClaim.id < before)
    return list(await session.scalars(query.order_by(AmazonClaim.id.desc()).limit(limit + 1)))
