"""A person corrects what a document says; the history keeps who, when, old and new."""

from sqlalchemy.exc import IntegrityError

from main_api.evidence import match_queries, queries
from main_api.evidence.book_cost import stage_cost
from main_api.evidence.errors import UnitsUsedUp
from main_api.evidence.listing import detail_of, own_document
from main_api.evidence.match import MATCH_EVIDENCE
from main_api.evidence.models import EvidenceField
from main_api.evidence.rules import CERTAIN_BP, checked_value
from main_api.evidence.schemas import Correction, EvidenceDetail
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import stage

TELLS_COST = frozenset({"unit_cost_minor", "currency", "invoice_date", "invoice_number"})
"""Fields that a booked cost follows from."""


async def correct_evidence(
    sessions: Sessions, correction: Correction, *, user_id: str, evidence_id: str, clock: Clock
) -> EvidenceDetail:
    """Store all of it or nothing, and match the document anew.

    Raises:
        NoSuchEvidence: unknown, or of somebody else.
        WrongField: a field or value that has no form we know.
        UnitsUsedUp: a line would have fewer units than claims already use.
    """
    typed = [(one, checked_value(one.line_no, one.name, one.value)) for one in correction.fields]
    try:
        async with transaction(sessions, tenant=user_id) as session:
            document = await own_document(session, user_id, evidence_id, lock=True)
            if correction.kind is not None:
                document.kind = correction.kind.value
            for one, value in typed:
                field = EvidenceField(
                    user_id=user_id,
                    document_id=document.id,
                    line_no=one.line_no,
                    name=one.name,
                    value=value,
                    confidence_bp=CERTAIN_BP,
                    changed_by=user_id,
                )
                await queries.keep_typed_field(session, field, now=clock())
            await queries.follow_quantities(session, document.id)
            if correction.kind is not None or TELLS_COST & {one.name for one, _ in typed}:
                # What was booked before, or could not be, follows the correction.
                for match in await match_queries.accepted_lines(session, document.id):
                    await stage_cost(session, match, document.kind)
            await stage(session, MATCH_EVIDENCE, {"evidenceId": document.id}, tenant=user_id)
            return await detail_of(session, document)
    except IntegrityError as error:
        raise UnitsUsedUp("claims already use more units of this line") from error
