"""The generated mailbox, recounted from its own papers against the seller's Amazon account."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import gmail_pdf
import httpx
import pytest
from gmail_world import Google, Mailbox, decoded, google

SELLER = {
    "client_id": "amzn1.application-oa2-client.sandbox-seller",
    "client_secret": "sandbox-seller-" + "secret",
}
APPLICATION = "amzn1.sp.solution.sandbox-seller"
SELLER_URI = "http://127.0.0.1:8000/api/amazon/callback"
FAST = {"SANDBOX_GMAIL_UNITS_PER_MINUTE": "10000000", "SANDBOX_AMAZON_RATE_FACTOR": "50"}


@dataclass
class File:
    """An attachment as the API gives it."""

    mail_id: str
    filename: str
    content: bytes


@dataclass
class Seller:
    """A persona's mailbox and truth list."""

    google: Google
    box: Mailbox
    truth: dict[str, Any]
    files: list[File]

    def papers(self, kind: str) -> list[tuple[dict[str, Any], list[list[str]]]]:
        """(truth of the message, rows of its PDF) for messages of that kind."""
        known = {one["id"]: one for one in self.truth["messages"] if one["kind"] == kind}
        return [
            (known[file.mail_id], gmail_pdf.rows(file.content))
            for file in self.files
            if file.mail_id in known
        ]


def seller(world: Google, persona: str) -> Seller:
    box = world.mailbox(persona)
    files = []
    for mail_id in box.ids("has:attachment in:anywhere"):
        for part in box.get(f"messages/{mail_id}")["payload"].get("parts", []):
            if part["filename"]:
                path = f"messages/{mail_id}/attachments/{part['body']['attachmentId']}"
                files.append(File(mail_id, part["filename"], decoded(box.get(path)["data"])))
    truth = world.control.get(f"/control/gmail/truth/{persona}").json()
    return Seller(world, box, truth, files)


@pytest.fixture(scope="module")
def world() -> Iterator[Google]:
    with google(**FAST) as started:
        yield started


@pytest.fixture(scope="module")
def ada(world: Google) -> Seller:
    return seller(world, "ada")


def cents(text: str) -> int:
    """1,234.50 and 1.234,50 are both 123450."""
    assert re.fullmatch(r"[\d.,]+[.,]\d\d", text), text
    return int(re.sub(r"[.,]", "", text))


def invoiced(rows: list[list[str]]) -> list[tuple[str, str, int, int, int]]:
    """(column, code, units, price, amount) of each line of an invoice."""
    head = next(place for place, row in enumerate(rows) if row[-1] == "Amount")
    lines = []
    for row in rows[head + 1 :]:
        if len(row) == 1:
            break
        lines.append((rows[head][0], row[0], int(row[-3]), cents(row[-2]), cents(row[-1])))
    return lines


def shipped(world: Google, persona: str) -> dict[str, Counter[str]]:
    """Units sent by shipment and SKU, from Amazon's inbound API."""
    with httpx.Client(base_url=world.amazon) as amazon:
        asked = {"application_id": APPLICATION, "state": "s", "redirect_uri": SELLER_URI}
        form = {**asked, "persona": persona, "decision": "allow"}
        answer = amazon.post("/apps/authorize/consent", data=form)
        code = httpx.URL(answer.headers["location"]).params["spapi_oauth_code"]
        grant = {"grant_type": "authorization_code", "code": code, **SELLER}
        token = amazon.post("/auth/o2/token", data=grant).json()["access_token"]
        query = {
            "QueryType": "DATE_RANGE",
            "MarketplaceId": "ATVPDKIKX0DER",
            "LastUpdatedAfter": "2000-01-01T00:00:00Z",
            "LastUpdatedBefore": datetime.now(UTC).isoformat(),
        }
        found: dict[str, Counter[str]] = {}
        while True:
            answer = amazon.get(
                "/fba/inbound/v0/shipmentItems",
                params=query,
                headers={"x-amz-access-token": token},
            )
            assert answer.status_code == 200, answer.text
            payload = answer.json()["payload"]
            for item in payload["ItemData"]:
                units = found.setdefault(item["ShipmentId"], Counter())
                units[item["SellerSKU"]] += item["QuantityShipped"]
            if "NextToken" not in payload:
                return found
            query = {**query, "QueryType": "NEXT_TOKEN", "NextToken": payload["NextToken"]}


def test_every_pdf_is_whole(ada: Seller):
    files = [one.content for one in ada.files if one.content.startswith(b"%PDF")]
    assert len(files) > 80
    for content in files:
        assert gmail_pdf.rows(content)
    packed = [b"/FlateDecode" in one for one in files]
    assert {True, False} == set(packed)


def test_the_truth_names_the_files_by_their_hash(ada: Seller):
    told = {
        (message["id"], file["filename"]): file["sha256"]
        for message in ada.truth["messages"]
        for file in message["attachments"]
    }
    read = {
        (one.mail_id, one.filename): hashlib.sha256(one.content).hexdigest() for one in ada.files
    }
    assert told
    assert told.items() <= read.items()


def test_invoices_say_what_the_units_cost_and_how_many_were_sent(world: Google, ada: Seller):
    with httpx.Client(base_url=world.amazon) as amazon:
        answer = amazon.get("/seller-central/sourcing-costs", params={"persona": "ada"},
                            headers={"accept": "application/json"})  # fmt: skip
    costs = {one["sku"]: one["unitCostCents"] for one in answer.json()}
    sku_of = {
        line[code]: line["sku"]
        for message in ada.truth["messages"]
        for line in message["lines"]
        for code in ("sku", "fnsku")
    }
    units: Counter[str] = Counter()
    for told, rows in ada.papers("supplier_invoice"):
        lines = invoiced(rows)
        assert len(lines) == len(told["lines"])
        for _, code, count, price, amount in lines:
            assert price == costs[sku_of[code]]
            assert amount == count * price
            if not told["copy"]:
                units[sku_of[code]] += count
        total = next(row[0] for row in rows if row[0].startswith("Total USD"))
        assert cents(total.split()[-1]) == sum(line[4] for line in lines) == told["total_minor"]
    assert units == sum(shipped(world, "ada").values(), Counter())


def test_packing_lists_are_the_shipments(world: Google, ada: Seller):
    sent = shipped(world, "ada")
    seen = {}
    for told, rows in ada.papers("packing_list"):
        head = next(place for place, row in enumerate(rows) if row[0] == "Cartons")
        body = [row for row in rows[head + 1 :] if len(row) == 5]
        seen[told["shipment_id"]] = Counter({row[1]: int(row[4]) for row in body})
        assert [f"Shipment ID: {told['shipment_id']}"] in rows
    assert seen == sent


def test_each_shortage_has_its_papers_unless_a_delivery_left_none(world: Google, ada: Seller):
    losses = {one["loss_id"]: one for one in ada.truth["losses"]}
    told = world.control.get("/control/amazon/truth/ada").json()
    entries = told["claimable"] + told["others"]
    assert {one["loss_id"] for one in entries} == set(losses)
    kinds = {one["id"]: one for one in ada.truth["messages"]}
    delivered = []
    for entry in entries:
        papers = losses[entry["loss_id"]]
        assert papers["sku"] == entry["sku"]
        newest = kinds[papers["cost_invoices"][0]]
        assert newest["date"] <= entry["event_date"]
        assert entry["sku"] in {line["sku"] for line in newest["lines"]}
        if entry["claim_type"] == "inbound_shortage":
            assert len(papers["packing_lists"]) == 1
            assert kinds[papers["packing_lists"][0]]["shipment_id"] == entry["reference"]
            delivered.append(bool(papers["proofs_of_delivery"]))
        if entry["claim_type"] == "removal_lost":
            arrived = (kinds[one]["lines"][0]["quantity"] for one in papers["parcels_delivered"])
            assert sum(arrived) > 0
    assert any(delivered)


def test_offers_and_bills_of_others_are_no_proof(ada: Seller):
    known = {one["id"] for one in ada.truth["messages"]}
    others = [one for one in ada.files if one.mail_id not in known]
    titles = {row[0] for one in others if one.content.startswith(b"%PDF")
              for row in gmail_pdf.rows(one.content)}  # fmt: skip
    assert "QUOTATION - THIS IS NOT AN INVOICE" in titles
    assert "Pixelforge Studio" in titles
    assert "INVOICE" not in titles
    assert ada.box.ids(labelIds="SPAM")


def test_a_person_without_a_shop_gets_noise_only(world: Google):
    olga = world.control.get("/control/gmail/truth/olga").json()
    assert (olga["messages"], olga["losses"]) == ([], [])
    assert len(world.mailbox("olga").ids()) > 50


def test_an_answer_stays_in_the_thread_of_its_invoice(ada: Seller):
    sent = ada.box.get("messages", labelIds="SENT")["messages"]
    known = {one["id"]: one for one in ada.truth["messages"]}
    assert sent
    for one in sent:
        assert one["threadId"] != one["id"]
        assert known[one["threadId"]]["kind"] == "supplier_invoice"


def raw_letters(world: Google, persona: str) -> dict[str, str]:
    box = world.mailbox(persona)
    ids = box.ids(includeSpamTrash="true")
    return {one: box.get(f"messages/{one}", format="raw")["raw"] for one in ids}


def test_the_same_seed_writes_the_same_bytes(world: Google):
    with google(**FAST) as again, google(SANDBOX_SEED="other", **FAST) as other:
        mine = raw_letters(world, "cleo")
        assert len(mine) > 200
        assert raw_letters(again, "cleo") == mine
        assert not set(raw_letters(other, "cleo").values()) & set(mine.values())
