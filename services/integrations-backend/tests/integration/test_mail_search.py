"""The mailbox job at Google's stand-in: what it finds, what it reads, and how it goes on."""

import hashlib
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from factories.papers import invoice_lines, pdf
from google_sandbox import connect_mail, deliver, mail_status, service_with_mail
from sandbox import Sandbox, running
from service import ADA, Service

from integrations_backend.mail.jobs import READ_MAILBOXES
from opside_chassis.database import Database, transaction
from opside_chassis.outbox import stage

FIELDS = ("supplier", "number", "date", "currency", "total", "lines")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running(SANDBOX_GMAIL_UNITS_PER_MINUTE="600000") as started:
        yield started


@pytest.fixture
async def mail(
    committed_database: Database, tmp_path: Path, sandbox: Sandbox
) -> AsyncIterator[Service]:
    async with service_with_mail(committed_database, tmp_path, sandbox) as service:
        yield service


async def look_again(mail: Service) -> None:
    """The schedule's turn."""
    async with transaction(mail.sessions) as session:
        await stage(session, READ_MAILBOXES, {})
    await mail.work(rounds=60)


async def invoices(mail: Service, **filters: str) -> list[dict[str, Any]]:
    where = " AND ".join(f"i.{name} = :{name}" for name in filters) or "true"
    return await mail.rows(
        "SELECT i.*, p.sha256, p.kind FROM supplier_invoices i"  # noqa: S608
        f" JOIN papers p ON p.id = i.paper_id WHERE {where} ORDER BY i.id",
        **filters,
    )


def marks(truth: dict[str, Any], found: dict[str, Any], currency: str) -> dict[str, str]:
    """right, wrong or unsure for each field of an invoice."""
    reading = found["reading"]
    lines = [(one["quantity"], one["unitCostMinor"]) for one in reading["goods"]]
    codes = [{one[name] for name in ("sku", "fnsku", "asin")} - {""} for one in reading["goods"]]
    named = [{line["sku"], line["fnsku"], line["asin"]} for line in truth["lines"]]
    right = {
        "supplier": reading["supplier"]["value"] == truth["firm"],
        "number": reading["number"]["value"] == truth["number"],
        "date": reading["dated"]["value"] == truth["date"],
        "currency": reading["currency"]["value"] == currency.lower(),
        "total": reading["totalMinor"]["value"] == truth["total_minor"],
        "lines": lines == [(one["quantity"], one["unit_cost_minor"]) for one in truth["lines"]]
        and all(code and code <= name for code, name in zip(codes, named, strict=True)),
    }
    sure = {
        name: reading[field]["confidenceBp"] >= 9_000
        for name, field in zip(
            FIELDS, ("supplier", "number", "dated", "currency", "totalMinor"), strict=False
        )
    }
    sure["lines"] = all(one["confidenceBp"] >= 9_000 for one in reading["goods"])
    return {
        name: "unsure" if not sure[name] else "right" if right[name] else "wrong" for name in FIELDS
    }


async def test_a_mailbox_is_read_against_its_truth(
    mail: Service, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    persona = "ada"
    assert await connect_mail(mail, ADA, persona) == "ok"
    await mail.work(rounds=60)
    truth = sandbox.ask(f"gmail/truth/{persona}")
    listed = {row["message_id"] for row in await mail.rows("SELECT message_id FROM found_mails")}
    wanted = [
        one
        for one in truth["messages"]
        if one["kind"] == "supplier_invoice" and one["id"] in listed
    ]
    # Of a reminder the truth says the day of the mail; its file is that of the invoice before it.
    first = {one["number"]: one for one in truth["messages"] if not one["copy"]}
    of_file = {one["attachments"][0]["sha256"]: first[one["number"]] for one in wanted}
    found = {row["sha256"]: row for row in await invoices(mail)}
    unread = [row["reason"] for row in found.values() if row["status"] == "needs_typing"]
    assert unread == []
    counts: dict[str, Counter[str]] = {name: Counter() for name in FIELDS}
    for digest, told in of_file.items():
        for name, mark in marks(told, found[digest], truth["currency"]).items():
            counts[name][mark] += 1
    statuses = Counter(row["status"] for row in found.values())
    with capsys.disabled():
        sys.stdout.write(f"\n{persona}: {len(of_file)} invoices, statuses {dict(statuses)}\n")
        for name in FIELDS:
            sys.stdout.write(
                "  {:9}{right:5} right {wrong:4} wrong {unsure:4} unsure\n".format(
                    name, **{mark: counts[name][mark] for mark in ("right", "wrong", "unsure")}
                )
            )
    assert all(count["wrong"] == 0 for count in counts.values())
    assert len(of_file) > 40
    accepted = {digest for digest, row in found.items() if row["status"] == "accepted"}
    assert accepted <= set(of_file), "rent, offers, lists and spam are no costs"
    assert len(accepted) >= len(of_file) * 0.95
    # A reminder brings the same file: one paper, two sources.
    copies = [one for one in wanted if one["copy"]]
    assert copies
    sources = await mail.rows("SELECT paper_id, count(*) AS n FROM paper_sources GROUP BY 1")
    assert sum(row["n"] - 1 for row in sources) == len(wanted) - len(of_file)
    await all_papers_are_kept(mail, truth["messages"])


async def all_papers_are_kept(mail: Service, truth: list[dict[str, Any]]) -> None:
    """By kind, as received, with the shipments that they name."""
    papers = {row["sha256"]: row for row in await mail.rows("SELECT * FROM papers")}
    files = [(one, file) for one in truth for file in one["attachments"]]
    known = [(one, papers[file["sha256"]]) for one, file in files if file["sha256"] in papers]
    for one, kept in known:
        assert kept["kind"] == one["kind"].replace("supplier_", "")
        if one["kind"] != "supplier_invoice":
            assert kept["shipments"]["ids"] == [one["shipment_id"]]
        content = mail.runtime.archive.file(kept["archived_as"])
        assert hashlib.sha256(content).hexdigest() == kept["sha256"]
    assert Counter(kept["kind"] for _, kept in known)["packing_list"] > 5


async def test_what_arrives_later_is_found_by_history(mail: Service, sandbox: Sandbox) -> None:
    await connect_mail(mail, ADA, "olga")
    await mail.work(rounds=60)
    before = len(await mail.rows("SELECT 1 FROM papers"))
    await deliver(sandbox, "olga", pdf(invoice_lines()))
    await look_again(mail)
    (found,) = await invoices(mail, number="NB-2026-7")
    assert found["status"] == "accepted", found["reason"]
    assert len(await mail.rows("SELECT 1 FROM papers")) == before + 1
    (box,) = await mail.rows("SELECT * FROM mailboxes")
    assert box["history_id"]
    assert box["looking_since"] is None


async def test_a_forgotten_history_is_a_listing_from_the_beginning(
    mail: Service, sandbox: Sandbox
) -> None:
    await connect_mail(mail, ADA, "olga")
    await mail.work(rounds=60)
    papers = await mail.rows("SELECT id FROM papers ORDER BY id")
    await deliver(sandbox, "olga", pdf(invoice_lines()))
    sandbox.ask("gmail/history/forget", persona="olga")
    await look_again(mail)
    assert len(await invoices(mail, number="NB-2026-7")) == 1
    after = await mail.rows("SELECT id FROM papers ORDER BY id")
    assert [row for row in after if row in papers] == papers, "nothing is read twice"


async def test_the_same_invoice_as_another_file_is_a_duplicate(
    mail: Service, sandbox: Sandbox
) -> None:
    await connect_mail(mail, ADA, "olga")
    await deliver(sandbox, "olga", pdf(invoice_lines()))
    await deliver(sandbox, "olga", pdf(invoice_lines(), packed=True), subject="Fwd: invoice")
    other = invoice_lines([("SKU-1", "10", "2.60", "26.00")], total="Total USD 26.00")
    await deliver(sandbox, "olga", pdf(other))
    await mail.work(rounds=60)
    found = await invoices(mail, number="NB-2026-7")
    assert [row["status"] for row in found] == ["accepted", "duplicate", "proposed"]
    assert found[1]["same_as"] == found[0]["id"]
    assert found[0]["id"] in found[2]["reason"]


@pytest.mark.parametrize(
    ("content", "status", "why"),
    [
        (b"\x89PNG" + b"\0" * 60_000, "needs_typing", "picture"),
        (b"PK\x03\x04" + b"\0" * 500, "needs_typing", "archives"),
        (b"%PDF-1.4\n garbage", "needs_typing", "cannot be read"),
    ],
)
async def test_what_no_program_can_read_asks_for_typing(
    mail: Service, sandbox: Sandbox, content: bytes, status: str, why: str
) -> None:
    await connect_mail(mail, ADA, "olga")
    await deliver(sandbox, "olga", content, filename="Invoice 17.pdf")
    await mail.work(rounds=60)
    (found,) = [row for row in await invoices(mail) if row["status"] == status]
    assert why in found["reason"]


async def test_gmails_quota_is_waited_for(mail: Service, sandbox: Sandbox) -> None:
    await connect_mail(mail, ADA, "olga")
    await deliver(sandbox, "olga", pdf(invoice_lines()))
    for nth, kind in enumerate(("429", "403", "403_user_rate"), 1):
        sandbox.ask("gmail/faults", operation="gmail.users.messages.get", kind=kind, nth=nth)
    await mail.work(rounds=60)
    assert len(await invoices(mail, number="NB-2026-7")) == 1
    assert await mail.rows("SELECT 1 FROM found_mails WHERE state <> 'read'") == []
    assert (await mail_status(mail, ADA))[0] == "connected"


@pytest.mark.parametrize("kind", ["403_domain_policy", "403_daily_limit"])
async def test_a_final_refusal_is_shown_and_ends_the_look(
    mail: Service, sandbox: Sandbox, kind: str
) -> None:
    await connect_mail(mail, ADA, "olga")
    sandbox.ask("gmail/faults", operation="gmail.users.messages.list", kind=kind)
    await mail.work(rounds=60)
    (box,) = await mail.rows("SELECT problem, looking_since FROM mailboxes")
    assert "Google does not let us" in box["problem"]
    assert box["looking_since"] is None


@pytest.mark.parametrize(
    "operation", ["gmail.users.messages.get", "gmail.users.messages.attachments.get"]
)
@pytest.mark.parametrize("kind", ["503", "torn", "wrong_type", "reset", "500_after"])
async def test_a_broken_answer_is_asked_for_again(
    mail: Service, sandbox: Sandbox, operation: str, kind: str
) -> None:
    await connect_mail(mail, ADA, "olga")
    await deliver(sandbox, "olga", pdf(invoice_lines()))
    sandbox.ask("gmail/faults", operation=operation, kind=kind)
    await mail.work(rounds=60)
    (found,) = await invoices(mail, number="NB-2026-7")
    assert found["status"] == "accepted"
    assert {row["tries"] for row in await mail.rows("SELECT tries FROM found_mails")} == {1}


async def test_a_withdrawn_grant_ends_the_look(mail: Service, sandbox: Sandbox) -> None:
    await connect_mail(mail, ADA, "olga")
    sandbox.ask("gmail/revoke", persona="olga")
    await mail.work(rounds=60)
    assert (await mail_status(mail, ADA))[0] == "reconnect"
    await look_again(mail)
    assert await mail.rows("SELECT 1 FROM outbox WHERE status <> 'done'") == []
