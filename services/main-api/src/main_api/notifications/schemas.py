"""Bodies of the notification routes."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from main_api.notifications.models import Notification
from main_api.notifications.rules import Kind
from opside_chassis.pagination import Page, PageQuery
from opside_chassis.wire import AnswerModel, ApiModel, Reference


class NotificationView(AnswerModel):
    """One thing that the seller was told."""

    notification_id: str
    kind: Kind
    title: str
    body: str
    link: str
    created_at: datetime
    read: bool

    @classmethod
    def of(cls, row: Notification) -> "NotificationView":
        """The view of a stored notice."""
        return cls(
            notification_id=row.id,
            kind=Kind(row.kind),
            title=row.title,
            body=row.body,
            link=row.link,
            created_at=row.created_at,
            read=row.read_at is not None,
        )


class FeedQuery(PageQuery):
    """A page of the feed; with `unread`, of what the seller has not read."""

    unread: bool = False


class Feed(Page[NotificationView]):
    """A page of the feed, newest first."""

    unread: int
    """In the whole feed."""


class ReadUpTo(ApiModel):
    """The newest notice that the seller has seen; everything before it is read too."""

    notification_id: Reference


class Preference(ApiModel):
    """Whether notices of a kind come by e-mail; the feed has them in any case."""

    kind: Kind
    by_email: bool


class Preferences(ApiModel):
    """Choices; kinds that are not named stay as they are."""

    preferences: Annotated[list[Preference], Field(min_length=1, max_length=len(Kind))]


class PreferencesView(AnswerModel):
    """What holds for every kind."""

    preferences: list[Preference]
    email_available: bool
    """False where this Opside has no mail server."""
