"""Hidden report quotas: how often Amazon really writes a report of a type anew.

The facts (sections 2 and 3) know three answers to whoever asks too soon: CANCELLED, FATAL, and
429 on createReport although the usage plan has tokens left. The intervals are Amazon's; which
type answers how is not published, so that a run may choose. Off until the control API turns
them on.
"""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, Field

from opside_sandbox.amazon.reports.registry import WRITERS
from opside_sandbox.amazon.spapi.errors import quota_exceeded
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

TooSoon = Literal["CANCELLED", "FATAL", "QuotaExceeded"]
NEAR_REAL_TIME = {
    "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA", "GET_RESERVED_INVENTORY_DATA",
    "GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_SALES_DATA",
}  # fmt: skip
_ANSWERS: dict[str, TooSoon] = {
    "GET_FBA_ESTIMATED_FBA_FEES_TXT_DATA": "QuotaExceeded",
    "GET_FBA_STORAGE_FEE_CHARGES_DATA": "QuotaExceeded",
}
_RULES = "amazon.report_quotas"


class Quota(BaseModel):
    """A report of this type is written anew at most every so many seconds."""

    reportType: str = Field(min_length=1)  # noqa: N815 (Amazon's own name)
    seconds: float = Field(gt=0)
    answer: TooSoon


def amazons_own() -> list[Quota]:
    """Near-real-time reports every 30 minutes, daily ones every 4 hours."""
    return [
        Quota(
            reportType=kind,
            seconds=1800 if kind in NEAR_REAL_TIME else 14400,
            answer=_ANSWERS.get(kind, "CANCELLED" if kind in NEAR_REAL_TIME else "FATAL"),
        )
        for kind in WRITERS
    ]


def turn_on(state: SandboxState, quotas: list[Quota]) -> list[Document]:
    """These quotas, and no others, from now on."""
    with state.store.transaction():
        for known in state.store.list(_RULES):
            state.store.delete(_RULES, known["reportType"])
        for quota in quotas:
            state.store.put(_RULES, quota.reportType, quota.model_dump())
    return state.store.list(_RULES)


def outcome_of(state: SandboxState, asked: Document, earlier: list[Document]) -> str | None:
    """CANCELLED or FATAL for whoever asks too soon, None for everybody else.

    Raises SpApiError 429 where that is the type's answer. Only reports that were written count.
    """
    quota = state.store.get(_RULES, asked["reportType"])
    if quota is None:
        return None
    since = state.clock.now() - timedelta(seconds=quota["seconds"])
    same = ("reportType", "marketplaceIds", "options")
    for one in earlier:
        if one["outcome"] != "DONE" or one["cancelled"]:
            continue
        if datetime.fromisoformat(one["asOf"]) <= since:
            continue
        if all(one[name] == asked[name] for name in same):
            if quota["answer"] == "QuotaExceeded":
                raise quota_exceeded()
            return str(quota["answer"])
    return None
