"""Report documents: streamed from their signed address to disk, unpacked, bounded."""

import ssl
import zlib
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import httpx

from integrations_backend.amazon_api.errors import AmazonUnavailable, RequestRefused
from opside_chassis.database import refuse_open_transaction
from opside_chassis.settings import is_local_url

LARGEST_DOCUMENT_BYTES = 512 * 1024 * 1024
"""Unpacked; a larger one is a compression bomb or must be asked for in shorter periods."""
CHUNK_BYTES = 64 * 1024
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


async def fetch_document(
    url: str, target: Path, *, packed: bool, patience: httpx.Timeout, largest_bytes: int
) -> str | None:
    """Write it to `target`, never holding it whole in memory; answers its charset if one is told.

    Raises:
        AmazonUnavailable: the link has ended, or the document broke off: ask for it again.
        RequestRefused: it is too large.
    """
    refuse_open_transaction()
    try:
        # The signed address takes none of our headers and may be on any host.
        async with (
            httpx.AsyncClient(timeout=patience, verify=_trusted()) as plain,
            plain.stream("GET", url) as answer,
        ):
            if not answer.is_success:
                raise AmazonUnavailable(f"document link answers {answer.status_code}")
            await _write(answer, target, packed=packed, largest_bytes=largest_bytes)
            return answer.charset_encoding
    except (httpx.HTTPError, zlib.error) as error:
        raise AmazonUnavailable(f"document broke off: {type(error).__name__}") from error


def refuse_inner_link(link: str, *, api_url: str) -> None:
    """Amazon's stores answer by https under a name of theirs; a sandbox gives links to this machine.

    Whoever could put words into Amazon's answer would else have us read addresses of our own network.
    There nobody holds a certificate that we trust, so that https keeps us out by itself.

    Raises:
        RequestRefused: the link is not encrypted, or leads to this machine.
    """
    if is_local_url(link) and not is_local_url(api_url):
        raise RequestRefused("the document's link leads into our own network")


def as_received(target: Path) -> Path:
    """Where the packed bytes of a document are that came packed."""
    return target.with_suffix(".gz")


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that are trusted: reading them takes longer than most documents."""
    return httpx.create_ssl_context()


async def _write(answer: httpx.Response, target: Path, *, packed: bool, largest_bytes: int) -> None:
    unpack = zlib.decompressobj(_GZIP_WINDOW) if packed else None
    written = 0
    with ExitStack() as open_files:
        file = open_files.enter_context(target.open("wb"))
        received = open_files.enter_context(as_received(target).open("wb")) if packed else None
        async for chunk in answer.aiter_raw(CHUNK_BYTES):
            data = unpack.decompress(chunk) if unpack else chunk
            if unpack is not None and unpack.unused_data:
                raise RequestRefused("the document goes on behind the end of its gzip file")
            if received is not None:
                received.write(chunk)
            written += len(data)
            if written > largest_bytes:
                raise RequestRefused(
                    f"the document is larger than {largest_bytes >> 20} MiB unpacked"
                )
            file.write(data)
    if unpack is not None and not unpack.eof:
        raise AmazonUnavailable("the document is a truncated gzip file")
