"""Sellers of any size as a folder: repeatable, of constant memory, and true when counted again."""

import hashlib
import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from amazon_reader import MANNERS, Manner, rows_of
from amazon_recount import LEDGER, Rows, recount, told
from amazon_world import SETTLEMENT, world

from opside_sandbox.amazon.bulk import Order, write
from opside_sandbox.amazon.history.stream import unique_fnsku

BORN = date(2026, 11, 20)
SHORT = "GET_FBA_FULFILLMENT_INBOUND_NONCOMPLIANCE_DATA"


@dataclass
class Folder:
    """The books of a seller as the files of a folder show them."""

    path: Path
    manner: Manner

    def _rows(self, path: Path) -> Rows:
        return rows_of(path.read_bytes(), "", self.manner.older_charset)

    def report(self, kind: str, /, **options: str) -> Rows:
        rows = self._rows(self.path / f"{kind}.txt")
        wanted = options.get("eventType")
        return [row for row in rows if wanted is None or row["eventtype"] == wanted]

    def settlements(self) -> list[Rows]:
        return [self._rows(one) for one in sorted(self.path.glob("settlement-*.txt"))]

    def costs(self) -> dict[str, int]:
        book = json.loads((self.path / "costs.json").read_text())
        return {one["sku"]: one["unitCostCents"] for one in book}

    def short(self) -> Iterator[tuple[str, str, int, int]]:
        for row in self.report(SHORT):
            counted = int(row["receivedquantity"])
            yield row["fbashipmentid"], row["fnsku"], int(row["expectedquantity"]), counted


def truth_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]


def fingerprint(folder: Path) -> dict[str, str]:
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in folder.iterdir()}


@pytest.mark.parametrize("like", ["ada", "cleo", "dieter", "yuki", "chloe", "dora"])
def test_a_recount_of_the_files_finds_the_truth(tmp_path, like):
    done = write(Order(6000, tmp_path, like=like, everything=True))
    books = Folder(tmp_path, MANNERS[like])
    truth = truth_of(tmp_path)
    claimable = [one for one in truth if one["reason"] is None]
    assert len(claimable) == done.claimable
    assert (done.claimable > 40) == (like != "dora")
    assert recount(books, BORN) == told(claimable)
    ledger = books.report(LEDGER)
    assert len(ledger) == done.ledger_rows >= 6000
    # The truth of other days follows from the same lines: nothing is open before it happened.
    assert all(one["opens"] <= one["deadline"] for one in truth)


def test_the_settlements_of_a_folder_add_up(tmp_path):
    write(Order(1000, tmp_path, everything=True))
    books = Folder(tmp_path, MANNERS["ada"])
    files = books.settlements()
    assert len(files) > 30
    for file in files:
        amounts = sum(
            books.manner.minor(cell)
            for row in file
            for name, cell in row.items()
            if name.endswith("amount") and name != "totalamount"
        )
        assert amounts == books.manner.minor(file[0]["totalamount"])
    assert list(tmp_path.glob("*.part")) == []


def test_the_same_order_has_the_same_bytes(tmp_path):
    for name, seed in (("one", "s"), ("two", "s"), ("other", "t")):
        write(Order(300, tmp_path / name, seed=seed, everything=True))
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two")
    assert fingerprint(tmp_path / "one") != fingerprint(tmp_path / "other")


def test_a_larger_seller_begins_as_the_smaller_one(tmp_path):
    write(Order(100, tmp_path / "small"))
    write(Order(2000, tmp_path / "large"))
    small, large = ((tmp_path / n / f"{LEDGER}.txt").read_bytes() for n in ("small", "large"))
    assert 100 <= small.count(b"\n") - 1 < 300
    assert large.startswith(small)


def test_memory_does_not_grow_with_the_size(tmp_path):
    def peak(rows: int) -> int:
        tracemalloc.start()
        write(Order(rows, tmp_path / str(rows)))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(300)
    assert peak(12_000) < 1.5 * peak(1_500)


def test_fnskus_never_meet():
    assert len({unique_fnsku(index) for index in range(200_000)}) == 200_000


@pytest.mark.parametrize("like", ["yuki", "dieter"])
def test_a_folder_is_served_as_it_is(tmp_path, like):
    write(Order(2000, tmp_path, like=like, everything=True))
    amazon = world(SANDBOX_AMAZON_REPORTS=str(tmp_path))
    people = {one["persona"]: one for one in amazon.control.get("/personas").json()}
    assert people["reports"]["currency"] == people[like]["currency"]
    robin = amazon.seller("reports")
    body = {"reportType": LEDGER, "marketplaceIds": [MANNERS[like].marketplace]}
    body |= {"dataStartTime": "2020-01-01T00:00:00Z", "dataEndTime": "2100-01-01T00:00:00Z"}
    asked = robin.call("POST", "/reports/2021-06-30/reports", json=body).json()
    amazon.state.clock.advance(2)
    done = robin.status(asked["reportId"])
    content, charset = robin.document(done["reportDocumentId"])
    assert charset == ""
    assert content == (tmp_path / f"{LEDGER}.txt").read_bytes()
    query = {"reportTypes": SETTLEMENT, "pageSize": "100"}
    listed = robin.call("GET", "/reports/2021-06-30/reports", params=query).json()["reports"]
    assert len(listed) == len(list(tmp_path.glob("settlement-*.txt")))


def test_the_command_prints_its_rate(tmp_path):
    spoken = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-m", "opside_sandbox.amazon.bulk", str(tmp_path), "--rows", "500"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    words = Counter(spoken.split())
    assert words["rows/s,"] == words["MiB"] == 1
    assert int(spoken.split()[0]) >= 500
