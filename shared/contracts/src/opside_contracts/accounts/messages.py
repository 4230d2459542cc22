"""Answers of main-api's service routes."""

from opside_chassis.wire import AnswerModel


class EventReceipt(AnswerModel):
    """An event was stored."""

    event_id: str
    repeated: bool
    """True when the same event id was stored before; nothing happens twice."""
