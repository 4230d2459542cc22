"""Reports of unforeseen errors to Sentry, when SENTRY_DSN is set; redacted like our logs."""

from typing import Any

import sentry_sdk
from sentry_sdk.transport import Transport
from sentry_sdk.types import Breadcrumb, Event, Hint

from opside_chassis.redaction import redact

_KEPT_OF_REQUEST = frozenset({"method", "url"})


def configure_error_reports(
    service: str, *, dsn: str, environment: str, transport: Transport | None = None
) -> None:
    """Send errors logged at level ERROR to Sentry; without a DSN nothing is set up.

    No personal data (the SDK's default), no bodies, no local variables: an error report must not
    become a second place where tokens are kept.
    """
    if not dsn:
        return
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        server_name=service,
        transport=transport,
        include_local_variables=False,
        max_request_body_size="never",
        # Only what reads our logs: patched frameworks would report each error a second time.
        auto_enabling_integrations=False,
        before_send=clean_event,
        before_breadcrumb=clean_breadcrumb,
    )


def clean_event(event: Event, hint: Hint) -> Event:
    """An event without secrets, and of its request only method and address."""
    del hint
    request: dict[str, Any] | None = event.get("request")
    if request is not None:
        kept = {name: value for name, value in request.items() if name in _KEPT_OF_REQUEST}
        event["request"] = {**kept, "url": str(kept.get("url", "")).partition("?")[0]}
    clean: Event = redact(event)
    return clean


def clean_breadcrumb(crumb: Breadcrumb, hint: Hint) -> Breadcrumb:
    """A breadcrumb without secrets."""
    del hint
    clean: Breadcrumb = redact(crumb)
    return clean
