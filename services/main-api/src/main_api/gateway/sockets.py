"""WebSockets to the services behind the door, opened as the gateway for one user."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection as Socket
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from main_api.gateway.table import Upstream
from main_api.runtime import SERVICE
from main_api.settings import Settings
from opside_chassis.access import Caller
from opside_chassis.errors import Unavailable
from opside_chassis.keyring import SigningKey
from opside_chassis.service_token import ServiceTokens
from opside_contracts import scopes

SOCKETS: Mapping[str, Upstream] = {
    f"{form}/sync/progress/{{sync_id}}": Upstream.INTEGRATIONS for form in ("/api", "/api/v1")
}
"""Every WebSocket that main-api passes on, for signed-in users."""
__all__ = ["SOCKETS", "Refused", "Socket", "socket_to"]

OPEN_SECONDS = 5.0
PING_SECONDS = 20.0
"""A service that answers no ping for so long is gone."""
LARGEST_MESSAGE_BYTES = 1024 * 1024
MOST_WAITING = 4
"""Messages that wait for a slow client; after that the service itself is not read."""
PASSED_ON = frozenset({400, 403, 404, 409, 429, 503})
"""Refusals that mean the same to our caller; a 401 is a fault between us."""


class Refused(Exception):
    """The service refused the handshake: its answer, to be given on."""

    def __init__(self, status: int, body: bytes, media_type: str) -> None:
        super().__init__(status)
        self.status, self.body, self.media_type = status, body, media_type


class _Straight(connect):
    """Follows no redirects."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


@asynccontextmanager
async def socket_to(
    settings: Settings, upstream: Upstream, path: str, caller: Caller
) -> AsyncIterator[Socket]:
    """A WebSocket that speaks for the caller.

    Raises:
        Refused: the service does not let him.
        Unavailable: it cannot be reached, or does not accept us.
    """
    tokens = ServiceTokens(SigningKey.reread(settings, issuer=SERVICE), SERVICE)
    token = tokens.mint(
        audience=upstream.value,
        scope=scopes.ACT_FOR_USER,
        act_for=caller.user_id,
        act_role=caller.role,
        act_session=caller.session_id,
    )
    opening = _Straight(
        _address(settings, upstream, path),
        additional_headers={"Authorization": f"Bearer {token}"},
        user_agent_header=None,
        compression=None,
        proxy=None,
        open_timeout=OPEN_SECONDS,
        ping_interval=PING_SECONDS,
        ping_timeout=PING_SECONDS,
        max_size=LARGEST_MESSAGE_BYTES,
        max_queue=MOST_WAITING,
    )
    try:
        opened = await opening
    except InvalidStatus as error:
        raise _refusal(error, upstream) from error
    except (InvalidHandshake, OSError, TimeoutError) as error:
        raise Unavailable(
            f"{upstream.value} is not available right now; everything else works",
            service=upstream.value,
        ) from error
    async with opened:
        yield opened


def _refusal(error: InvalidStatus, upstream: Upstream) -> Exception:
    answer = error.response
    if answer.status_code not in PASSED_ON:
        detail = f"{upstream.value} does not accept us right now"
        return Unavailable(detail, service=upstream.value)
    media_type = answer.headers.get("content-type", "application/problem+json")
    return Refused(answer.status_code, bytes(answer.body or b""), media_type)


def _address(settings: Settings, upstream: Upstream, path: str) -> str:
    base = {
        Upstream.INTEGRATIONS: settings.integrations_url,
        Upstream.PAYMENTS: settings.payments_url,
    }[upstream]
    parts = urlsplit(base)
    scheme = "wss" if parts.scheme == "https" else "ws"
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/") + path, "", ""))
