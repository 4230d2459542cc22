"""The documents that people accepted for a case, as packets need them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.evidence import match_queries, queries
from main_api.evidence.models import EvidenceDocument


@dataclass(frozen=True, slots=True)
class PacketDocument:
    """A document as it goes into a packet."""

    document_id: str
    file_name: str
    media_type: str
    kind: str
    sha256: str
    size_bytes: int

    @classmethod
    def of(cls, row: EvidenceDocument) -> "PacketDocument":
        """Of a stored document."""
        return cls(row.id, row.file_name, row.media_type, row.kind, row.sha256, row.size_bytes)


async def accepted_evidence(
    session: AsyncSession, *, user_id: str, case_ids: Sequence[str]
) -> dict[str, list[PacketDocument]]:
    """By case id, the documents accepted for it, each once, oldest first."""
    found: dict[str, list[PacketDocument]] = defaultdict(list)
    rows = await match_queries.accepted_documents(session, user_id=user_id, case_ids=case_ids)
    for case_id, document in rows:
        found[case_id].append(PacketDocument.of(document))
    return dict(found)


async def evidence_by_ids(
    session: AsyncSession, *, user_id: str, document_ids: Sequence[str]
) -> list[PacketDocument]:
    """These documents of the seller, in this order."""
    rows = await queries.documents_by_ids(session, user_id=user_id, document_ids=document_ids)
    known = {row.id: row for row in rows}
    return [PacketDocument.of(known[one]) for one in document_ids if one in known]


async def held_evidence(
    session: AsyncSession, documents: Sequence[PacketDocument]
) -> list[PacketDocument]:
    """Those that are still there; until the caller's transaction ends nobody deletes them."""
    there = await queries.hold_documents(session, [one.document_id for one in documents])
    return [one for one in documents if one.document_id in there]
