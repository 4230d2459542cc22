"""Detect one seller's claims from everything that was read for him so far."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from integrations_backend.detection import queries
from integrations_backend.detection.detect import detect
from integrations_backend.detection.facts import Facts
from integrations_backend.detection.findings import Findings
from integrations_backend.detection.policy import current_policy
from integrations_backend.reports.archive import Archive
from integrations_backend.reports.kinds import KINDS
from integrations_backend.reports.marketplaces import marketplace
from opside_chassis.database import Sessions, transaction


@dataclass(frozen=True, slots=True)
class Detected:
    """How many claims and other losses a run found."""

    claims: int
    losses: int


async def detect_for_user(
    sessions: Sessions,
    archive: Archive,
    *,
    user_id: str,
    sync_id: str,
    marketplace_id: str,
    now: datetime,
) -> Detected:
    """Run every rule and keep what it found; repeated without new rows it changes nothing."""
    findings = await asyncio.to_thread(
        _detect, archive, user_id=user_id, marketplace_id=marketplace_id, now=now
    )
    async with transaction(sessions, tenant=user_id) as session:
        await queries.keep_claims(
            session,
            findings.claims,
            user_id=user_id,
            marketplace_id=marketplace_id,
            sync_id=sync_id,
        )
        await queries.replace_losses(session, findings.losses, user_id=user_id)
    return Detected(len(findings.claims), len(findings.losses))


def _detect(archive: Archive, *, user_id: str, marketplace_id: str, now: datetime) -> Findings:
    rows = {kind: archive.rows(user_id, kind) for kind in KINDS}
    facts = Facts(
        rows={kind: frame for kind, frame in rows.items() if frame is not None},
        store=marketplace(marketplace_id),
        policy=current_policy(),
        as_of=now.date(),
    )
    return detect(facts)
