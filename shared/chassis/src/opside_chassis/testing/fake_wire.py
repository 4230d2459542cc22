"""Neighbours without sockets: a service client's wire over one of httpx's transports."""

import httpx

from opside_chassis.http_wire import Answer, BrokenOff, Outgoing


class FakeWire:
    """Passes requests to an `httpx.ASGITransport` or `httpx.MockTransport` instead of a socket."""

    def __init__(self, base_url: str, transport: httpx.AsyncBaseTransport) -> None:
        self._http = httpx.AsyncClient(base_url=base_url, transport=transport)

    async def send(self, request: Outgoing) -> Answer:
        """The transport's answer."""
        asked = self._http.build_request(
            request.method, request.target, headers=request.headers, content=request.body
        )
        try:
            answer = await self._http.send(asked, stream=True)
        except httpx.HTTPError as error:
            raise BrokenOff from error
        # A MockTransport's was read when it was made; its bytes are still there to be read again.
        answer.is_stream_consumed = answer.is_closed = False
        return answer

    async def close(self) -> None:
        """Nothing is open."""
        await self._http.aclose()
