"""uvicorn's HTTP protocol: bounds on what comes before a request, heads of answers sent with their bodies.

With httptools uvicorn keeps headers for as long as a client sends them and waits for them for ever;
no application can help that, since it is called after the last one (decision 0016).
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from opside_chassis.problems import problem

MAX_HEAD_BYTES = 32 * 1024
"""Of a request line and its headers: our largest (both cookies, a long address) has under 4 KiB."""
MAX_HEADERS = 100
MAX_HEAD_SECONDS = 10.0
"""From the first byte of a head, or from the connection's beginning, to its last."""


class JoinedWrites:
    """A transport that sends an answer's head together with what is written right after it.

    uvicorn writes both by themselves, and each wakes the reader.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a transport has
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send; a head at the next turn of the loop at the latest."""
        if not self._head and data[:9] == b"HTTP/1.1 ":
            self._head = data
            self._loop.call_soon(self._send_head)
        else:
            head, self._head = self._head, b""
            self._transport.write(head + data)

    def close(self) -> None:
        """Close when everything is sent."""
        self._send_head()
        self._transport.close()

    def _send_head(self) -> None:
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)


class BoundedHttp(HttpToolsProtocol):
    """Answers 431 for a head that is too large, 408 for one that is too slow, and closes."""

    max_head_seconds = MAX_HEAD_SECONDS
    _refusal = HTTPStatus.BAD_REQUEST
    _in_head = False
    _head_bytes = _header_count = 0
    _untold_bytes = 0
    """Read since the parser last told of anything: it keeps the beginning of a header itself."""
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(JoinedWrites(transport, self.loop))  # type: ignore[arg-type]
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_patience()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._untold_bytes += len(data)
        super().data_received(data)
        if self._untold_bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif (self._in_head or self._untold_bytes) and self._patience is None:
            self._be_patient()

    def on_message_begin(self) -> None:
        self._in_head, self._untold_bytes = True, 0
        self._head_bytes = self._header_count = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        self._count(len(name) + len(value))
        if self._in_head:  # a trailer, which comes after the body, is no header of ours
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._untold_bytes = False, 0
        self._end_patience()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._untold_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._untold_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are not ours
        """uvicorn calls this for whatever the parser, or a callback above, refused."""
        self._refuse(self._refusal)

    def _count(self, size: int) -> None:
        self._untold_bytes = 0
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES or self._header_count > MAX_HEADERS:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError(self._refusal.phrase)  # stops the parser

    def _refuse(self, status: HTTPStatus) -> None:
        # In the middle of an answer, a second one would be read as its body.
        fits = not self._is_answering() or not (self._in_head or self.cycle.response_started)
        if fits and not self.transport.is_closing():
            said = problem({}, status, detail=status.description, code=status.name.lower())
            said.headers["connection"] = "close"
            lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
            lines += [f"{name}: {value}" for name, value in said.headers.items()]
            self.transport.write("\r\n".join([*lines, "", ""]).encode() + bytes(said.body))
        self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _be_patient(self) -> None:
        self._patience = self.loop.call_later(self.max_head_seconds, self._lose_patience)

    def _end_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        if self._is_answering():
            self._be_patient()  # the head of the next request may wait for this answer
        elif self._in_head or self._untold_bytes:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif self.cycle is None:
            self.transport.close()  # not one byte: nobody waits for an answer
