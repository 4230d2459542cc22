"""What clients asked and got, written down, so that the providers' own contracts can judge it.

One JSON object a line and one file a provider, in the folder that SANDBOX_RECORD names. Left out:
pages, the control API, and the OAuth endpoints, which hold secrets and are in no contract.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LIMIT_BYTES = 1024 * 1024
"""Of one body. A longer one is noted as cut."""
HIDDEN = "(hidden)"
_SECRET_FIELDS = re.compile(
    r"((?:^|&)(?:[^&=]*(?:%5B|\[))?"
    r"(?:number|cvc|account_number|id_number|ssn_last_4|client_secret)(?:%5D|\])?=)[^&]+",
    re.IGNORECASE,
)
_SECRET_KEYS = re.compile(r'("(?:client_secret|secret|restrictedDataToken)"\s*:\s*")[^"]+')


def record(app: FastAPI, folder: Path | None, provider: str, api: str) -> None:
    """Record the exchanges whose path starts with a match of `api`; no folder, no recording."""
    if folder is not None:
        app.add_middleware(Recorder, file=folder / f"{provider}.jsonl", api=re.compile(api))


class Recorder:
    """Stands around an application and appends each exchange to the file, a whole line at once."""

    def __init__(self, app: ASGIApp, *, file: Path, api: re.Pattern[str]) -> None:
        self._app = app
        self._file = file
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._api.match(scope["path"]):
            await self._app(scope, receive, send)
            return
        messages = [message async for message in _request(receive)]
        exchange = _Exchange(scope, _body(messages))
        waiting = iter(messages)

        async def receive_again() -> Message:
            return next(waiting, None) or await receive()

        async def send_and_see(message: Message) -> None:
            exchange.see(message)
            if exchange.whole:
                self._write(exchange)  # before the client has it all, who may look at once
            await send(message)

        try:
            await self._app(scope, receive_again, send_and_see)
        finally:
            if not exchange.whole:
                self._write(exchange)

    def _write(self, exchange: "_Exchange") -> None:
        line = json.dumps(exchange.told(), ensure_ascii=False).encode() + b"\n"
        with self._file.open("ab", buffering=0) as file:
            file.write(line)


@dataclass(slots=True)
class _Exchange:
    """A request, and as much of its answer as was sent.

    `body` None: it did not come to its end, or is too long. `status` None: there was no answer.
    """

    scope: Scope
    body: bytes | None
    status: int | None = None
    answer_type: str = ""
    answer: bytearray = field(default_factory=bytearray)
    whole: bool = False

    def see(self, message: Message) -> None:
        """A part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.answer_type = _content_type(message["headers"])
        elif message["type"] == "http.response.body":
            if len(self.answer) <= LIMIT_BYTES:
                self.answer += message.get("body", b"")
            self.whole = not message.get("more_body", False)

    def told(self) -> dict[str, Any]:
        """The line. `cut` names the bodies that are not whole; they are null."""
        answer = bytes(self.answer) if self.whole and len(self.answer) <= LIMIT_BYTES else None
        return {
            "method": self.scope["method"],
            "path": self.scope["path"],
            "query": _SECRET_FIELDS.sub(_hidden, self.scope["query_string"].decode("latin-1")),
            "contentType": _content_type(self.scope["headers"]),
            "body": _text(self.body),
            "status": self.status,
            "answerType": self.answer_type,
            "answer": _text(answer),
            "cut": [name for name, one in (("body", self.body), ("answer", answer)) if one is None],
        }


async def _request(receive: Receive) -> AsyncIterator[Message]:
    """The messages of the whole request, or up to the client's leaving."""
    message = await receive()
    yield message
    while message.get("more_body", False):
        message = await receive()
        yield message


def _body(messages: list[Message]) -> bytes | None:
    body = b"".join(one.get("body", b"") for one in messages)
    left = messages[-1]["type"] == "http.disconnect"
    return None if left or len(body) > LIMIT_BYTES else body


def _content_type(headers: list[tuple[bytes, bytes]]) -> str:
    found: Iterator[str] = (
        value.decode("latin-1") for name, value in headers if name.lower() == b"content-type"
    )
    return next(found, "").partition(";")[0].strip().lower()


def _text(body: bytes | None) -> str | None:
    """A JSON text or a form, its card and account numbers and secrets hidden."""
    if body is None:
        return None
    text = body.decode(errors="replace")
    secrets = _SECRET_KEYS if text.lstrip().startswith(("{", "[")) else _SECRET_FIELDS
    return secrets.sub(_hidden, text)


def _hidden(match: re.Match[str]) -> str:
    return f"{match[1]}{HIDDEN}"
