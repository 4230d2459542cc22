"""Detect one seller's claims from everything that was read for him so far."""

import asyncio
from datetime import datetime

from integrations_backend.archive import Archive
from integrations_backend.detection.detect import detect
from integrations_backend.detection.facts import Facts
from integrations_backend.detection.findings import Findings
from integrations_backend.detection.policy import current_policy
from integrations_backend.reports.kinds import KINDS
from integrations_backend.reports.marketplaces import marketplace


async def detect_for_user(
    archive: Archive, *, user_id: str, marketplace_id: str, now: datetime
) -> Findings:
    """Run every rule over everything that was read for a seller so far; stores nothing."""
    return await asyncio.to_thread(
        _detect, archive, user_id=user_id, marketplace_id=marketplace_id, now=now
    )


def _detect(archive: Archive, *, user_id: str, marketplace_id: str, now: datetime) -> Findings:
    rows = {kind: archive.rows(user_id, kind) for kind in KINDS}
    facts = Facts(
        rows={kind: frame for kind, frame in rows.items() if frame is not None},
        store=marketplace(marketplace_id),
        policy=current_policy(),
        as_of=now.date(),
    )
    return detect(facts)
