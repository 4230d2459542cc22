"""After an upload: detection over everything that was read for the seller, as after a sync.

Payments are not matched to cases here: what a seller hands over himself is no proof of what Amazon paid.
"""

from dataclasses import dataclass, field

from integrations_backend.archive import Archive
from integrations_backend.cases.detect import detect_claims
from integrations_backend.cases.link_costs import link_cost_documents
from integrations_backend.cases.record import record_cases
from integrations_backend.connections.access import connected_seller
from integrations_backend.reports.upload import fail_upload, finish_upload, store_of_upload
from integrations_backend.sync.long_work import LongWork
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater, StagedJob, fence

LAST_TRY = 5
"""An upload whose detection failed so often says so; its files stay read, and a later one helps."""
LAST_DEATH = 10
"""As after so many workers that died over it."""


@dataclass(frozen=True, slots=True)
class UploadDetection:
    """What the job needs."""

    sessions: Sessions
    archive: Archive
    clock: Clock
    long_work: LongWork = field(default_factory=LongWork)

    async def run(self, job: StagedJob) -> None:
        """Detect, make cases, value them, and store how many claims and losses there are."""
        user_id, upload_id = job.tenant or "", job.payload["uploadId"]
        if job.failures >= LAST_DEATH:
            await self._give_up(job, user_id, upload_id)
            return
        try:
            found = await self.long_work.result(upload_id, lambda: self._detect(user_id, upload_id))
        except RetryLater:
            raise
        except Exception:
            if job.failures + 1 < LAST_TRY:
                raise
            await self._give_up(job, user_id, upload_id)
            return
        if found is not None:
            claims, losses = found
            async with transaction(self.sessions, tenant=user_id) as session:
                await fence(session, job)
                await finish_upload(session, upload_id, claims=claims, losses=losses)

    async def _give_up(self, job: StagedJob, user_id: str, upload_id: str) -> None:
        async with transaction(self.sessions, tenant=user_id) as session:
            await fence(session, job)
            await fail_upload(session, upload_id)

    async def _detect(self, user_id: str, upload_id: str) -> tuple[int, int] | None:
        shown = await store_of_upload(self.sessions, user_id=user_id, upload_id=upload_id)
        if shown is None:
            return None
        seller = await connected_seller(self.sessions, user_id)
        findings = await detect_claims(
            self.sessions,
            self.archive,
            user_id=user_id,
            marketplace_id=seller.marketplace_id if seller else shown,
            source_id=upload_id,
            now=self.clock(),
        )
        await record_cases(self.sessions, user_id=user_id, sync_id=upload_id)
        await link_cost_documents(self.sessions, user_id=user_id)
        return len(findings.claims), len(findings.losses)
