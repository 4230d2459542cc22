"""HTTP between our services: kept connections to one of them, and answers that come as they are sent.

Nothing is followed, unpacked, kept as a cookie, read from the environment or tried again here: what is
tried again is for `http_client` to say, with a token of its own for each try that is no read
(decisions 0015, 0019).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from opside_chassis.http_transport import trusted_authorities

CONNECT_TIMEOUT_SECONDS = 2.0
"""Services are neighbours: what takes longer is down."""
MOST_CONNECTIONS = 100
"""To one service; who needs one more waits."""
KEPT_IDLE_SECONDS = 5.0
"""Shorter than the services keep theirs (`web.KEEP_ALIVE_SECONDS`): we are the ones to close."""
LONGEST_HEADER_BYTES = 64 * 1024
"""As long as a request's head may be at our doors; addresses of consent pages come near 4 KiB."""

Body = bytes | AsyncIterator[bytes] | None


class BrokenOff(Exception):
    """The other side broke off, spoke no HTTP, or fell silent for too long."""


class HungUp(BrokenOff):
    """The connection ended before the answer began; a kept one may have ended before it was asked."""


class NeverSent(BrokenOff):
    """There was no connection: the other side has seen nothing of the request."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it will be sent. `target` is path and query, already percent-encoded."""

    method: str
    target: str
    headers: dict[str, str]
    body: Body
    silence_seconds: float
    """How long the other side may neither take a part of the body nor say a word."""


class Answer(Protocol):
    """An answer whose body comes as it is read; `aclose` it in any case."""

    @property
    def status_code(self) -> int:
        """Of the first and only answer: none is followed."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Case-blind."""

    def aiter_raw(self) -> AsyncIterator[bytes]:
        """The body's parts as they were sent, compressed ones too; raises `BrokenOff`."""

    async def aread(self) -> bytes:
        """The whole body; raises `BrokenOff`."""

    async def aclose(self) -> None:
        """Keep the connection if the answer was read to its end, else hang up."""


class Wire(Protocol):
    """Brings requests to one service."""

    async def send(self, request: Outgoing) -> Answer:
        """Raises `BrokenOff`, and whatever a streamed body raises while it is read."""

    async def close(self) -> None:
        """Hang up."""


class HttpWire:
    """Connections to the service at `base_url`. Made where an event loop runs."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url.rstrip("/")
        connector = aiohttp.TCPConnector(
            limit=MOST_CONNECTIONS, keepalive_timeout=KEPT_IDLE_SECONDS, ssl=trusted_authorities()
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            max_line_size=LONGEST_HEADER_BYTES,
            max_field_size=LONGEST_HEADER_BYTES,
            middlewares=(_in_our_words,),
        )

    async def send(self, request: Outgoing) -> Answer:
        """Send it and wait for the head of the answer; raises what `Wire.send` raises."""
        seconds = request.silence_seconds
        limits = aiohttp.ClientTimeout(
            total=None,
            connect=seconds,
            sock_connect=min(seconds, CONNECT_TIMEOUT_SECONDS),
            sock_read=seconds,
        )
        upload: _Upload | None = None
        try:
            # aiohttp counts the silence of answers only, not of one who does not take the body.
            async with asyncio.timeout(seconds) as silence:
                if isinstance(request.body, AsyncIterator):
                    upload = _Upload(request.body, silence, seconds)
                response = await self._session.request(
                    request.method,
                    URL(self._base + request.target, encoded=True),
                    headers=request.headers,
                    data=request.body if upload is None else upload.parts(),
                    allow_redirects=False,
                    timeout=limits,
                )
        except (BrokenOff, TimeoutError) as error:
            if upload is not None and upload.failure is not None:
                raise upload.failure from None
            raise error if isinstance(error, BrokenOff) else BrokenOff from error
        finally:
            if upload is not None:
                upload.waited_for = False
        if upload is not None:
            upload.answered_by(response)
        return _Answer(response)

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()


class _Upload:
    """A streamed body on its way: each part that was taken puts the end of the silence off."""

    def __init__(
        self, body: AsyncIterator[bytes], silence: asyncio.Timeout, seconds: float
    ) -> None:
        self._body, self._silence, self._seconds = body, silence, seconds
        self.waited_for = True
        """False once the answer is there, which may be before the end of the body."""
        self.failure: Exception | None = None
        self._response: aiohttp.ClientResponse | None = None

    def answered_by(self, response: aiohttp.ClientResponse) -> None:
        """What to give up when the body fails from now on: aiohttp would wait for it without end."""
        self._response = response
        if self.failure is not None:
            response.close()

    async def parts(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._body:
                self._put_off()
                yield part
            self._put_off()
        except Exception as error:
            self.failure = error
            if self._response is not None:
                self._response.close()
            raise

    def _put_off(self) -> None:
        if self.waited_for:
            self._silence.reschedule(asyncio.get_running_loop().time() + self._seconds)


class _Answer:
    """aiohttp's response in our words."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status_code = response.status
        self.headers: Mapping[str, str] = response.headers

    async def aiter_raw(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._response.content.iter_any():
                yield part
        except _FAILURES as error:
            raise BrokenOff from error
        finally:
            # Who stops reading leaves parts on the connection that are nobody's.
            self._response.close()

    async def aread(self) -> bytes:
        try:
            return await self._response.content.read()
        except _FAILURES as error:
            raise BrokenOff from error

    async def aclose(self) -> None:
        # An answer read to its end has given its connection back before.
        self._response.close()


_FAILURES = (aiohttp.ClientError, HttpProcessingError, OSError, TimeoutError)


async def _in_our_words(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Inside of aiohttp's own second try, which would show the same token twice: it knows no `BrokenOff`."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise NeverSent from error
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        raise HungUp from error
    except _FAILURES as error:
        raise BrokenOff from error
