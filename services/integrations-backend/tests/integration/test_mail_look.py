"""The owner looks into his mailbox: pages, searches, and what Google says against it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from factories.papers import pdf_of
from google_sandbox import connect_mail, deliver, service_with_mail
from sandbox import Sandbox, running
from service import ADA, BEN, Service

from integrations_backend.gmail_api.base64_field import Base64Field
from integrations_backend.gmail_api.errors import AttachmentTooLarge, GmailUnavailable
from integrations_backend.mail.rules import (
    FREE_UNITS,
    UNITS_A_SECOND,
    go_on_at,
    is_candidate,
    pause_seconds,
)
from opside_chassis.clock import utc_now
from opside_chassis.database import Database


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running() as started:
        yield started


@pytest.fixture
async def mail(
    committed_database: Database, tmp_path: Path, sandbox: Sandbox
) -> AsyncIterator[Service]:
    """Ada's mailbox is connected; nothing was searched yet."""
    async with service_with_mail(committed_database, tmp_path, sandbox) as service:
        assert await connect_mail(service, ADA, "ada") == "ok"
        yield service


async def look(mail: Service, path: str, user_id: str = ADA, **query: str) -> httpx.Response:
    async with mail.as_user(user_id) as browser:
        return await browser.get(path, params=query)


async def page(mail: Service, path: str, **query: str) -> Any:
    answer = await look(mail, path, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_mailbox_is_listed_in_pages_newest_first(mail: Service) -> None:
    first = await page(mail, "/api/gmail/emails", limit="4")
    second = await page(mail, "/api/v1/gmail/emails", limit="4", cursor=first["nextCursor"])
    seen = [*first["items"], *second["items"]]
    assert len({one["id"] for one in seen}) == 8
    days = [one["receivedAt"] for one in seen]
    assert days == sorted(days, reverse=True)
    assert all("SPAM" not in one["labels"] for one in seen)
    assert {"sender", "subject", "snippet", "threadId"} <= seen[0].keys()
    assert not {"body", "html"} & seen[0].keys(), "hostile HTML is never passed on"


async def test_a_search_is_gmails_own(mail: Service) -> None:
    found = await page(mail, "/api/gmail/search", query="from:nordhaus subject:rechnung", limit="5")
    assert found["items"]
    assert all("nordhaus" in one["sender"] for one in found["items"])
    assert all("Jörg" in one["sender"] for one in found["items"]), "encoded words are read"
    nothing = await page(mail, "/api/gmail/search", query="subject:zzzzunheardof")
    assert nothing == {"items": [], "nextCursor": None}


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "51"}, {"limit": "x"}, {"query": ""}, {"query": "a" * 501}]
)
async def test_a_wrong_question_never_reaches_google(mail: Service, query: dict[str, str]) -> None:
    answer = await look(mail, "/api/gmail/search", **({"query": "x"} | query))
    assert answer.status_code in {400, 422}


async def test_a_cursor_of_ones_own_making_is_refused(mail: Service) -> None:
    answer = await look(mail, "/api/gmail/emails", cursor="made-up")
    assert (answer.status_code, answer.json()["code"]) == (400, "search_refused")


async def test_who_has_no_mailbox_is_told_so(mail: Service) -> None:
    for path in ("/api/gmail/emails", "/api/gmail/search", "/api/gmail/status"):
        answer = await look(mail, path, BEN, query="x")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_connected"), path


async def test_a_refusal_for_quota_is_waited_out(mail: Service, sandbox: Sandbox) -> None:
    for nth, kind in enumerate(("429", "403"), 1):
        sandbox.ask("gmail/faults", operation="gmail.users.messages.list", kind=kind, nth=nth)
    assert (await page(mail, "/api/gmail/emails", limit="1"))["items"]


async def test_a_quota_that_stays_spent_is_said_with_the_time_to_wait(
    mail: Service, sandbox: Sandbox
) -> None:
    for nth in (1, 2, 3):
        sandbox.ask("gmail/faults", operation="gmail.users.messages.list", kind="429", nth=nth)
    answer = await look(mail, "/api/gmail/emails", limit="1")
    assert (answer.status_code, answer.json()["code"]) == (429, "mail_quota")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("403_domain_policy", 403, "mail_forbidden"),
        ("403_daily_limit", 403, "mail_forbidden"),
        ("503", 503, "unavailable"),
        ("wrong_type", 503, "unavailable"),
        ("torn", 503, "unavailable"),
    ],
)
async def test_googles_other_answers_have_names(
    mail: Service, sandbox: Sandbox, kind: str, status: int, code: str
) -> None:
    sandbox.ask("gmail/faults", operation="gmail.users.messages.list", kind=kind)
    answer = await look(mail, "/api/gmail/emails", limit="1")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_the_search_for_papers_says_how_far_it_is(mail: Service, sandbox: Sandbox) -> None:
    before = await page(mail, "/api/gmail/status")
    assert (before["looking"], before["lookedAt"]) == (True, None)
    sandbox.ask("gmail/faults", operation="gmail.users.messages.list", kind="403_domain_policy")
    await mail.work(rounds=60)
    after = await page(mail, "/api/v1/gmail/status")
    assert (after["looking"], after["problem"] is not None) == (False, True)


async def test_a_letter_with_a_strange_shape_is_listed(mail: Service, sandbox: Sandbox) -> None:
    await deliver(sandbox, "ada", pdf_of(b""), subject="=?utf-8?q?broken=zz?= \u202e gnp.exe")
    (newest,) = (await page(mail, "/api/gmail/emails", limit="1"))["items"]
    assert newest["subject"].isprintable()


def test_files_worth_a_download() -> None:
    assert is_candidate("INV 1.PDF", "application/octet-stream", 900)
    assert is_candidate("x", "application/pdf", 900)
    assert is_candidate("scan.jpg", "image/jpeg", 90_000)
    assert not is_candidate("logo.png", "image/png", 3_000)
    assert not is_candidate("invoice.exe", "application/x-msdownload", 900)
    assert not is_candidate("a.pdf", "application/pdf", 0)
    assert not is_candidate("a.pdf", "application/pdf", 40 << 20)


def test_a_look_stays_below_gmails_hundred_units_a_second() -> None:
    begun = utc_now()
    assert go_on_at(begun, FREE_UNITS) == begun
    late = (go_on_at(begun, FREE_UNITS + 600) - begun).total_seconds()
    assert late == 600 / UNITS_A_SECOND
    assert FREE_UNITS + 60 * UNITS_A_SECOND <= 6_600, "a minute's quota, once"
    assert [pause_seconds(n, 0.5) for n in (0, 1, 2, 20)] == [1.0, 2.0, 4.0, 120.0]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64])
@pytest.mark.parametrize("padded", [True, False])
def test_an_attachment_is_decoded_as_it_arrives(tmp_path: Path, size: int, padded: bool) -> None:
    answer = b'{\n  "size": 10,\n  "data": "AAEC_-8_Pj09' + (b"PQ==" if padded else b"PQ") + b'"\n}'
    with (tmp_path / "file").open("wb") as target:
        field = Base64Field(target, 100)
        for start in range(0, len(answer), size):
            field.feed(answer[start : start + size])
        field.finish()
    assert (tmp_path / "file").read_bytes() == bytes.fromhex("000102ffef3f3e3d3d3d")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b'{"data": "AAAA', GmailUnavailable),
        (b'{"data": "A*AA"}', GmailUnavailable),
        (b'{"error": 1}' + b" " * 5_000, GmailUnavailable),
        (b'{"data": "' + b"AAAA" * 50 + b'"}', AttachmentTooLarge),
    ],
)
def test_an_attachment_that_is_none_is_refused(
    tmp_path: Path, answer: bytes, error: type[Exception]
) -> None:
    with (tmp_path / "file").open("wb") as target:
        field = Base64Field(target, 100)
        with pytest.raises(error):
            field.feed(answer)
            field.finish()
