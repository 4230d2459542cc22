"""Bodies of the routes."""

from datetime import datetime
from typing import Self

from pydantic import Field

from main_api.user_data.models import AccountErasure, AccountExport, ErasureState, ExportStatus
from opside_chassis.wire import AnswerModel, ApiModel, PlainText


class ExportView(AnswerModel):
    """A copy of everything about the caller."""

    export_id: str
    status: ExportStatus
    ordered_at: datetime
    ready_at: datetime | None
    delete_at: datetime | None
    """The file is gone then; another one can be ordered at any time."""
    size_bytes: int | None
    sha256: str | None

    @classmethod
    def of(cls, row: AccountExport) -> Self:
        """As stored."""
        return cls(
            export_id=row.id,
            status=ExportStatus(row.status),
            ordered_at=row.ordered_at,
            ready_at=row.ready_at,
            delete_at=row.delete_at,
            size_bytes=row.size_bytes,
            sha256=row.sha256,
        )


class EraseAccount(ApiModel):
    """The order; `confirm` is the caller's own e-mail address, typed again."""

    confirm: PlainText = Field(max_length=320)


class ErasureView(AnswerModel):
    """An erasure of the caller's account."""

    erasure_id: str
    state: ErasureState
    ordered_at: datetime
    starts_at: datetime
    """Until then it can be cancelled."""
    held_because: str | None
    """Why it has not gone on, such as a fee that is being collected."""

    @classmethod
    def of(cls, row: AccountErasure) -> Self:
        """As stored."""
        return cls(
            erasure_id=row.id,
            state=ErasureState(row.state),
            ordered_at=row.ordered_at,
            starts_at=row.starts_at,
            held_because=row.held_because,
        )
