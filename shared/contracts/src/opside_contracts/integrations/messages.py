"""Bodies of integrations-backend's service routes."""

from enum import StrEnum

from pydantic import Field

from opside_chassis.wire import AnswerModel, ApiModel, PlainText, Reference


class Provider(StrEnum):
    """The three connections of a seller."""

    AMAZON = "amazon"
    GMAIL = "gmail"
    STRIPE = "stripe"


class ConnectionStatus(StrEnum):
    """What a connection can be relied on for."""

    NOT_CONNECTED = "not_connected"
    CONNECTED = "connected"
    RECONNECT = "reconnect"
    """The grant was withdrawn or expired: the seller must consent again."""


class AppstoreVisit(ApiModel):
    """What Amazon's Appstore gave a browser that it sent to us (facts/amazon-gmail.md section 1.3)."""

    callback_uri: PlainText = Field(min_length=1, max_length=2048)
    """Where Amazon wants it back, as anybody may have written it."""
    amazon_state: PlainText = Field(min_length=1, max_length=2048)
    beta: bool = False
    """The application was opened as a draft, which Amazon wants to be told again."""


class StartSellerConsent(ApiModel):
    """Ask for a Seller Central consent page for the signed-in user."""

    user_id: Reference
    browser_binding: PlainText = Field(min_length=16, max_length=200)
    """Hash of the browser session that starts; the callback must come with the same one."""
    return_to: str | None = Field(default=None, max_length=2048)
    appstore: AppstoreVisit | None = None
    """The seller came from the Appstore, where his consent goes on."""


class SellerConsent(AnswerModel):
    """Where to send the browser, or that nothing is left to consent to."""

    already_connected: bool
    consent_url: str | None = None


class Connection(AnswerModel):
    """One provider connection of one user."""

    provider: Provider
    status: ConnectionStatus
    account_id: str | None = None
