"""A seller's right to his data: a copy of everything, and an account that is gone with all that names him."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from door import Browser, Door, Street
from fakes.amazon_login_fake import ADA, BEN
from fakes.keeper_fake import FakeKeeper, held
from fakes.payments_fake import problem
from planted import CANARY, DOCUMENT, EMAIL, plant
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from main_api.accounts.cases import open_case_for_job
from main_api.user_data.by_operator import copy_user
from main_api.user_data.declared import NOBODYS, USER_TABLES
from main_api.user_data.own_erasure import OPERATOR, ErasureOrder, order_erasure
from main_api.worker import handlers
from opside_chassis.database import EVERY_TENANT, transaction
from opside_chassis.errors import NotFound
from opside_chassis.jobs import Workshop, drain

USER = "usr_a"
REFUSALS = r"never undone|permission denied|keeps its words|own name"
EXPORTED = {table.name for table in USER_TABLES if not table.not_exported}


class House:
    """main-api with both neighbours as keepers of data, and its worker."""

    def __init__(self, door: Door, street: Street) -> None:
        self.door = door
        self.integrations = FakeKeeper(door.signing.ring, "integrations-backend")
        self.payments = FakeKeeper(door.signing.ring, "stripe-payments")
        street.integrations.answer = self.integrations
        street.payments.answer = self.payments

    async def work(self, *, days: float = 0, runs: int = 12) -> None:
        """So many days pass; then whatever is due is done."""
        self.door.clock.advance(seconds=days * 86_400)
        workshop = Workshop(
            self.door.database.sessions, handlers(self.door.runtime), open_case_for_job
        )
        for _ in range(runs):
            if not await drain(workshop, ignore_due=True):
                return
            if not await self.rows("SELECT 1 FROM outbox WHERE status = 'waiting'"):
                return

    async def rows(self, query: str, **values: object) -> list[dict[str, Any]]:
        async with transaction(self.door.database.sessions, tenant=EVERY_TENANT) as session:
            found = await session.execute(text(query), values)
            return [dict(row) for row in found.mappings()] if found.returns_rows else []

    async def dump(self) -> dict[str, str]:
        """Every row of every table as text."""
        named = await self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'main_api'")
        return {
            name: "\n".join(
                row["row"]
                for row in await self.rows(f"SELECT t::text AS row FROM {name} AS t ORDER BY 1")  # noqa: S608
            )
            for name in sorted(row["tablename"] for row in named)
        }

    def archived(self) -> list[str]:
        """Everything in the archive, with its content."""
        files = (one for one in self.door.evidence.root.rglob("*") if one.is_file())
        return [f"{one} {one.read_bytes()!r}" for one in files]


@pytest.fixture
def house(door: Door, street: Street) -> House:
    return House(door, street)


async def test_a_copy_of_everything(house: House, browser: Browser) -> None:
    await browser.sign_in()
    me = (await browser.me()).json()["userId"]
    house.integrations.rows = {
        "amazon_claims": [
            {"id": "clm_1", "order_id": "=1+1", "explanation": {"a": [1]}, "n": None}
        ],
        "empty": [],
    }
    house.integrations.documents = {f"{me}/papers/1": b"paper"}
    house.payments.rows = {"commissions": [{"id": "txn_1", "fee_minor": -5}]}
    uploaded = await browser.send(
        "POST", "/api/evidence", files={"file": ("Invoice 1.csv", b"sku,units\nA,1\n", "text/csv")}
    )
    assert uploaded.status_code == 201, uploaded.text

    ordered = await browser.send("POST", "/api/account/export")
    assert ordered.status_code == 202
    again = await browser.send("POST", "/api/account/export")
    assert again.json()["exportId"] == ordered.json()["exportId"], "one at a time"
    path = f"/api/account/exports/{ordered.json()['exportId']}"
    assert (await browser.http.get(f"{path}/download")).status_code == 404
    await house.work()

    shown = (await browser.http.get(path)).json()
    assert shown["status"] == "ready"
    file = await browser.http.get(f"{path}/download")
    assert file.headers["content-type"] == "application/zip"
    assert (len(file.content), hashlib.sha256(file.content).hexdigest()) == (
        shown["sizeBytes"],
        shown["sha256"],
    )
    packed = zipfile.ZipFile(io.BytesIO(file.content))
    manifest = json.loads(packed.read("manifest.json"))
    listed = {one["path"]: one for one in manifest["files"]}
    assert set(listed) | {"manifest.json"} == set(packed.namelist())
    for name, one in listed.items():
        content = packed.read(name)
        assert (one["bytes"], one["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert {name for name in listed if name.startswith("main-api/")} == {
        f"main-api/{table}.{form}" for table in EXPORTED for form in ("json", "csv")
    }
    claims = json.loads(packed.read("integrations-backend/amazon_claims.json"))
    assert claims == house.integrations.rows["amazon_claims"]
    rows = list(
        csv.reader(io.StringIO(packed.read("integrations-backend/amazon_claims.csv").decode()))
    )
    assert rows == [["id", "order_id", "explanation", "n"], ["clm_1", "'=1+1", '{"a": [1]}', ""]]
    assert packed.read("stripe-payments/commissions.csv") == b"id,fee_minor\r\ntxn_1,-5\r\n"
    assert json.loads(packed.read("integrations-backend/empty.json")) == []
    assert listed["integrations-backend/empty.csv"]["rows"] == 0
    assert packed.read("documents/integrations-backend/papers/1") == b"paper"
    users = json.loads(packed.read("main-api/users.json"))
    assert (len(users), users[0]["email"]) == (1, ADA.email)
    assert listed["main-api/users.json"] == listed["main-api/users.json"] | {
        "rows": 1,
        "about": "You",
    }
    evidence = uploaded.json()["evidenceId"]
    assert f"documents/main-api/{evidence}-Invoice_1.csv.txt" in listed
    assert packed.read(f"documents/main-api/{evidence}-Invoice_1.csv.txt") == b"sku,units\nA,1\n"


async def test_a_copy_is_somebodys_own_and_goes_after_a_week(
    house: House, new_browser: Callable[..., Browser]
) -> None:
    ada, ben = new_browser(), new_browser()
    await ada.sign_in()
    export = (await ada.send("POST", "/api/account/export")).json()["exportId"]
    await house.work()
    await ben.sign_in(BEN)
    for path in (export, f"{export}/download"):
        assert (await ben.http.get(f"/api/account/exports/{path}")).status_code == 404
    assert (await ben.http.get("/api/account/exports")).json() == []
    assert house.archived() != []
    await house.rows(
        "INSERT INTO outbox (id, kind, payload) VALUES ('obx_x', 'remove_old_exports', '{}')"
    )
    await house.work(days=6.9)
    assert (await ada.http.get(f"/api/account/exports/{export}/download")).status_code == 200
    await house.rows(
        "INSERT INTO outbox (id, kind, payload) VALUES ('obx_y', 'remove_old_exports', '{}')"
    )
    await house.work(days=0.2)
    assert (await ada.http.get(f"/api/account/exports/{export}/download")).status_code == 404
    assert (await ada.http.get(f"/api/account/exports/{export}")).json()["status"] == "deleted"
    assert house.archived() == []


async def test_an_export_goes_on_where_it_ended(house: House, browser: Browser) -> None:
    await browser.sign_in()
    house.integrations.rows = {"amazon_claims": [{"id": "clm_1"}]}
    house.payments.rows = {"commissions": [{"id": "txn_1"}]}
    house.payments.cut = True
    export = (await browser.send("POST", "/api/account/export")).json()["exportId"]
    await house.work(runs=1)
    shown = await browser.http.get(f"/api/account/exports/{export}")
    assert shown.json()["status"] == "collecting", "rows that were cut off are no copy"
    house.payments.cut = False
    house.payments.away = [problem(503)] * 3
    await house.work()
    assert (await browser.http.get(f"/api/account/exports/{export}")).json()["status"] == "ready"
    file = (await browser.http.get(f"/api/account/exports/{export}/download")).content
    packed = zipfile.ZipFile(io.BytesIO(file))
    assert json.loads(packed.read("stripe-payments/commissions.json")) == [{"id": "txn_1"}]
    assert len(packed.namelist()) == len(set(packed.namelist()))


async def order(browser: Browser, confirm: str = ADA.email) -> Any:
    return await browser.send("POST", "/api/account/erase", json={"confirm": confirm})


async def test_nothing_that_names_an_erased_seller_is_left(house: House) -> None:
    await plant(house.door, USER)
    before = await house.dump()
    unplanted = {
        table.name
        for table in USER_TABLES
        if CANARY not in before[table.name] and USER not in before[table.name]
    }
    assert unplanted == {"account_erasures"}, "a test that plants nothing proves nothing"
    wanted = ErasureOrder(USER, EMAIL.upper(), OPERATOR, timedelta())
    await order_erasure(house.door.database.sessions, wanted, clock=house.door.clock)
    await house.work(days=1, runs=1)

    after = await house.dump()
    assert [name for name, rows in after.items() if CANARY in rows] == []
    assert {name for name, rows in after.items() if USER in rows} == {
        *("account_erasures", "objections", "recoveries", "reversals", "users")
    }
    assert house.archived() == []
    assert house.integrations.erased[:1] == house.payments.erased[:1] == [USER]
    (recovery,) = await house.rows("SELECT * FROM recoveries")
    assert (recovery["amount_minor"], recovery["transaction_id"]) == (1000, "txn_1")
    (erasure,) = await house.rows("SELECT * FROM account_erasures")
    assert (erasure["state"], erasure["held_because"]) == ("running", None)
    await house.work(days=1, runs=1)
    (erasure,) = await house.rows("SELECT * FROM account_erasures")
    assert erasure["state"] == "done"
    assert len(house.integrations.erased) == 2 == len(house.payments.erased), "a second look"
    assert DOCUMENT.decode() not in "".join(house.archived())


async def test_it_is_confirmed_waits_and_can_be_cancelled(house: House, browser: Browser) -> None:
    await browser.sign_in()
    refused = await order(browser, "somebody@example.com")
    assert (refused.status_code, refused.json()["code"]) == (422, "not_confirmed")
    assert (await browser.http.get("/api/account/erasure")).status_code == 404
    ordered = await order(browser)
    assert (ordered.status_code, ordered.json()["state"]) == (202, "waiting")
    assert (await order(browser)).json()["erasureId"] == ordered.json()["erasureId"]
    await house.work(days=2)
    assert house.integrations.erased == []
    assert (await browser.me()).json()["email"] == ADA.email
    assert (await browser.send("DELETE", "/api/account/erasure")).status_code == 204
    await house.work(days=2)
    assert house.integrations.erased == []
    assert (await browser.send("DELETE", "/api/account/erasure")).status_code == 404
    assert (await order(browser)).json()["erasureId"] != ordered.json()["erasureId"]


async def test_the_next_sign_in_is_another_user(
    house: House, new_browser: Callable[..., Browser]
) -> None:
    ada, other = new_browser(), new_browser()
    await ada.sign_in()
    await other.sign_in()
    former = (await ada.me()).json()["userId"]
    await order(ada)
    await house.work(days=4)
    for browser in (ada, other):
        assert (await browser.me()).status_code == 401, "every session has ended"
        assert (await browser.refresh()).status_code == 401
    again = new_browser()
    await again.sign_in()
    me = (await again.me()).json()
    assert (me["email"], me["userId"] != former) == (ADA.email, True)
    assert (await again.http.get("/api/account/exports")).json() == []


async def test_money_in_flight_holds_it_and_says_why(house: House, browser: Browser) -> None:
    await browser.sign_in()
    user = (await browser.me()).json()["userId"]
    house.payments.held = ["unpaid fees (pay them, or ask us to cancel them): 1"]
    await house.rows(
        "INSERT INTO recoveries (id, user_id, recovery_id, case_id, claim_id, claim_type,"
        " amount_minor, currency, quantity, approved_at, billable, rule_version)"
        " VALUES ('rcv_1', :u, '1', 'c', 'c', 't', 10, 'usd', 1, now(), true, '1')",
        u=user,
    )
    await order(browser)
    await house.work(days=4, runs=1)
    shown = (await browser.http.get("/api/account/erasure")).json()
    assert shown["state"] == "waiting"
    assert shown["heldBecause"] == (
        "unpaid fees (pay them, or ask us to cancel them): 1;"
        " fees in review, under objection, or about to be asked for: 1"
    )
    assert (house.integrations.erased, house.payments.erased) == ([], [])
    house.payments.held = []
    await house.rows(
        "UPDATE recoveries SET transaction_id = 't', requested_at = now(), collection = 'fee_only'"
    )
    await house.work(runs=1)
    assert (await browser.me()).status_code == 401
    assert house.payments.erased == [user]


async def test_every_step_survives_a_neighbour_that_is_away_or_not_ready(
    house: House, browser: Browser
) -> None:
    await browser.sign_in()
    user = (await browser.me()).json()["userId"]
    await order(browser)
    house.integrations.refusals = [held("Stripe has not confirmed"), problem(503)]
    house.payments.refusals = [problem(503), held()]
    await house.work(days=4, runs=1)
    (erasure,) = await house.rows("SELECT state, held_because FROM account_erasures")
    assert erasure == {"state": "running", "held_because": "no: Stripe has not confirmed"}
    assert (await browser.me()).status_code == 401
    for _ in range(5):
        await house.work(runs=1)
    assert house.payments.erased[-1:] == [user]
    (erasure,) = await house.rows("SELECT state, erased_at, held_because FROM account_erasures")
    assert erasure["erased_at"] is not None
    assert erasure["held_because"] is None
    await house.work(days=1, runs=1)
    (erasure,) = await house.rows("SELECT state FROM account_erasures")
    assert erasure == {"state": "done"}


async def test_an_operator_takes_a_copy_at_once(
    house: House, browser: Browser, tmp_path: Path
) -> None:
    await browser.sign_in()
    user = (await browser.me()).json()["userId"]
    house.payments.rows = {"commissions": [{"id": "txn_1"}]}
    made = tmp_path / "copy.zip"
    sha256 = await copy_user(house.door.runtime, user_id=user, to=made)
    assert hashlib.sha256(made.read_bytes()).hexdigest() == sha256
    assert "stripe-payments/commissions.json" in zipfile.ZipFile(made).namelist()
    await house.work()
    (export,) = (await browser.http.get("/api/account/exports")).json()
    assert (export["status"], export["sha256"]) == ("ready", sha256)


async def test_what_came_in_after_an_erasure_goes_too(house: House) -> None:
    await plant(house.door, USER)
    sessions, clock = house.door.database.sessions, house.door.clock
    await order_erasure(sessions, ErasureOrder(USER, EMAIL, OPERATOR, timedelta()), clock=clock)
    await house.work(days=1, runs=1)
    await house.work(days=1, runs=1)
    await house.rows(
        "INSERT INTO integration_status VALUES (:u, 'gmail', 'connected', :c, now())",
        u=USER,
        c=CANARY,
    )
    await order_erasure(sessions, ErasureOrder(USER, "", OPERATOR, timedelta()), clock=clock)
    await house.work(days=1, runs=1)
    assert [name for name, rows in (await house.dump()).items() if CANARY in rows] == []
    assert len(await house.rows("SELECT 1 FROM account_erasures")) == 2


async def test_nobody_who_is_not_there_is_erased(house: House) -> None:
    wanted = ErasureOrder("usr_nobody", "", OPERATOR, timedelta())
    with pytest.raises(NotFound):
        await order_erasure(house.door.database.sessions, wanted, clock=house.door.clock)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE account_erasures SET state = 'waiting', begun_at = NULL",
        "UPDATE account_erasures SET state = 'cancelled', begun_at = NULL, ended_at = now()",
        "UPDATE account_erasures SET user_id = 'usr_b'",
        "DELETE FROM account_erasures",
        "DELETE FROM filings",
        "UPDATE objections SET reason = '[erased]'",
        "UPDATE objections SET reason = '[erased]', note = '[erased]'",
        "SELECT erase_protected('usr_b')",
        "SELECT erase_protected('*')",
    ],
)
async def test_the_database_refuses(house: House, statement: str) -> None:
    await plant(house.door, USER)
    await house.rows(
        "INSERT INTO account_erasures (id, user_id, state, ordered_by, ordered_at, starts_at,"
        " begun_at) VALUES ('era_1', :u, 'running', 'user', now(), now(), now())",
        u=USER,
    )
    with pytest.raises(DBAPIError, match=REFUSALS):
        await house.rows(statement)


async def test_every_table_of_the_schema_is_declared(house: House) -> None:
    declared = {table.name for table in USER_TABLES} | set(NOBODYS)
    assert set(await house.dump()) - {"alembic_version"} == declared
