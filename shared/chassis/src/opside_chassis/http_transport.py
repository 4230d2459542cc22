"""An httpx transport that stops reading an answer larger than allowed, and takes no cookies."""

import ssl
from collections.abc import AsyncIterator
from functools import cache

import httpx


class AnswerTooLarge(httpx.TransportError):
    """An answer was larger than the client was told to read."""


@cache
def trusted_authorities() -> ssl.SSLContext:
    """The machine's certificate authorities, for every client: reading them takes a twentieth second."""
    return httpx.create_ssl_context()


class BoundedTransport(httpx.AsyncBaseTransport):
    """Stops reading an answer that is larger than allowed; takes no cookies."""

    def __init__(self, inner: httpx.AsyncBaseTransport, max_body_bytes: int) -> None:
        self._inner = inner
        self._max_body_bytes = max_body_bytes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        # A client would keep it, and show it with the next request, whosever that is.
        response.headers.pop("set-cookie", None)
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - an async transport's
        response.stream = _BoundedStream(stream, self._max_body_bytes)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _BoundedStream(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, max_body_bytes: int) -> None:
        self._inner = inner
        self._left = max_body_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._left -= len(chunk)
            if self._left < 0:
                raise AnswerTooLarge("The answer is larger than allowed.")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
