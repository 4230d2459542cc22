"""A web server that answers as Amazon's token endpoint, SP-API and document store, when they are broken."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass(frozen=True)
class Reply:
    """What one path answers; a longer `announced` length than its body breaks off in the middle."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    announced: int | None = None


@dataclass
class AmazonServer:
    """Answers by path, and keeps the headers that it was asked with."""

    url: str = ""
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


def _handler(server: AmazonServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            path = self.path.partition("?")[0]
            server.asked.append((path, {k.lower(): v for k, v in self.headers.items()}))
            reply = server.replies.get(path, Reply(404))
            self.send_response(reply.status)
            if reply.content_type:
                self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(reply.announced or len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, *_: object) -> None:
            """Silence."""

    return Handler


@contextmanager
def amazon_server() -> Iterator[AmazonServer]:
    """One on a free port, for the length of a block."""
    kept = AmazonServer()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _handler(kept))
    kept.url = f"http://127.0.0.1:{listening.server_port}"
    # It looks so often whether it shall stop: by default every half second.
    thread = Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join(5)
