"""Report documents: streamed from their signed address to disk, unpacked, bounded."""

import asyncio
import ssl
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import httpx

from integrations_backend.amazon_api.errors import AmazonUnavailable, RequestRefused
from integrations_backend.amazon_api.unpack import Bounds, Unpacking
from opside_chassis.database import refuse_open_transaction
from opside_chassis.settings import is_local_url

CHUNK_BYTES = 256 * 1024


async def fetch_document(
    url: str, target: Path, *, packed: bool, patience: httpx.Timeout, bounds: Bounds
) -> str | None:
    """Write it to `target`, never holding it whole in memory; answers its charset if one is told.

    What did not come whole is removed.

    Raises:
        AmazonUnavailable: the link has ended, or the document broke off: ask for it again.
        NoRoomOnDisk: ask for it again when there is room.
        RequestRefused: it is too large, or a compression bomb.
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
            await _write(answer, target, packed=packed, bounds=bounds)
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


async def _write(answer: httpx.Response, target: Path, *, packed: bool, bounds: Bounds) -> None:
    with ExitStack() as until_closed:
        until_closed.enter_context(_removed_where_it_fails(target))
        file = until_closed.enter_context(target.open("wb"))
        received = until_closed.enter_context(as_received(target).open("wb")) if packed else None
        unpacking = Unpacking(file, received, target.parent, bounds)
        async for chunk in answer.aiter_raw(CHUNK_BYTES):
            # Unpacking gigabytes takes seconds of the processor: other jobs go on meanwhile.
            await asyncio.to_thread(unpacking.take, chunk)
        unpacking.finish()


@contextmanager
def _removed_where_it_fails(target: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for half_written in (target, as_received(target)):
            half_written.unlink(missing_ok=True)
        raise
