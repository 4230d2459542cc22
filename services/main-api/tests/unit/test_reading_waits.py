"""A paper is waited for as long as its reader may take, and everything else for as long as ever."""

from pathlib import Path

import pytest

from main_api.evidence.paper_parser import PaperParser
from main_api.evidence.parser import UnreadDocument
from opside_chassis.errors import Unavailable
from opside_chassis.http_client import DEFAULT_TIMEOUT_SECONDS, ServiceClient
from opside_chassis.http_wire import Answer, BrokenOff, Outgoing
from opside_chassis.service_token import ServiceTokens
from opside_chassis.testing.plugin import Signing
from opside_contracts.integrations.client import IntegrationsClient
from opside_contracts.integrations.papers import LONGEST_READING_SECONDS


class Silent:
    """A wire to a service that says nothing; keeps how long it was waited for."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def send(self, request: Outgoing) -> Answer:
        self.waits.append(request.silence_seconds)
        raise BrokenOff

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_paper_is_waited_for_longer_than_it_may_be_read(
    signing: Signing, tmp_path: Path
) -> None:
    silent = Silent()
    tokens = ServiceTokens(signing.service("main-api"), "main-api")
    client = ServiceClient("http://127.0.0.1:9", "integrations-backend", tokens, wire=silent)
    integrations = IntegrationsClient(client)
    paper = tmp_path / "paper"
    paper.write_bytes(b"%PDF-1.4")
    with pytest.raises(Unavailable):
        await PaperParser(integrations).parse(UnreadDocument(paper, "invoice.pdf", 8))
    (wait,) = silent.waits
    assert wait > LONGEST_READING_SECONDS, "the reader's own word comes first"
    with pytest.raises(Unavailable):
        await client.request("POST", "/anything", scope="s", json={})
    assert silent.waits[-1] == DEFAULT_TIMEOUT_SECONDS < LONGEST_READING_SECONDS
