"""What Amazon paid for filed cases: all of it, once, never more; and told to main-api exactly once."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from factories.books import CASE, Books, paid, taken_back
from factories.claims import CLAIM, record
from service import Service
from sqlalchemy.exc import DBAPIError

from integrations_backend.cases import recoveries


@pytest.fixture
def books(service: Service, tmp_path: Path) -> Books:
    return Books(service, tmp_path)


async def test_a_payment_for_a_filed_case_is_a_recovery_and_is_told(books: Books) -> None:
    case_id = await books.file()
    assert await books.report(paid()) == 1
    (recovery,) = await books.listed()
    assert (recovery["billable"], recovery["caseId"]) == (True, case_id)
    assert (recovery["amountCents"], recovery["currency"], recovery["quantity"]) == (3702, "usd", 3)
    (event,) = await books.events()
    assert (event.type, event.recovery_id, event.amount_minor) == (
        "recovery.confirmed",
        "70001",
        3702,
    )
    assert (event.case_id, event.amazon_case_id, event.billable) == (case_id, CASE, True)
    assert await books.status() == "paid"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"case_id": ""}, recoveries.AUTOMATIC),
        ({"case_id": "999999"}, recoveries.NOT_FILED_HERE),
        (
            {
                "amount_total": "0.00",
                "quantity_reimbursed_cash": 0,
                "quantity_reimbursed_inventory": 1,
            },
            recoveries.IN_STOCK,
        ),
    ],
)
async def test_what_we_did_not_bring_about_is_kept_with_the_reason_and_never_charged(
    books: Books, changes: dict[str, object], reason: str
) -> None:
    await books.file()
    await books.report(paid(**changes))
    (recovery,) = await books.listed()
    assert (recovery["billable"], recovery["notBillableReason"]) == (False, reason)
    assert await books.events() == []
    assert await books.status() == "filed"


async def test_a_payment_for_a_case_that_is_not_filed_answers_no_case(books: Books) -> None:
    await record(books.service, CLAIM)
    await books.report(paid())
    (recovery,) = await books.listed()
    assert (recovery["billable"], recovery["caseId"]) == (False, None)
    assert await books.status() == "open"


@pytest.mark.parametrize(("units", "status"), [(1, "partly_paid"), (3, "paid"), (4, "paid")])
async def test_a_case_is_paid_once_all_its_units_are(books: Books, units: int, status: str) -> None:
    await books.file()
    await books.report(paid(units=units))
    assert await books.status() == status


async def test_parts_are_recoveries_of_their_own(books: Books) -> None:
    await books.file()
    await books.report(paid(1, "12.34", 1))
    assert await books.status() == "partly_paid"
    await books.report(paid(1, "12.34", 1), paid(2, "24.68", 2))
    assert await books.status() == "paid"
    assert [one.amount_minor for one in await books.events()] == [1234, 2468]


async def test_the_rows_of_one_reimbursement_are_one_recovery(books: Books) -> None:
    await books.file()
    await books.report(paid(1, "12.34", 1), paid(1, "12.34", 1), paid(1, "10.00", 1))
    (event,) = await books.events()
    assert (event.amount_minor, event.quantity) == (3468, 3)


async def test_the_same_row_in_two_reports_counts_once(books: Books) -> None:
    await books.file()
    await books.report(paid())
    assert await books.report(paid(), paid(2, "1.00", 0, case_id="")) == 1
    assert await books.report(paid(2, "1.00", 0, case_id=""), paid()) == 0
    assert len(await books.events()) == 1


async def test_a_payment_dated_before_the_filing_still_answers_the_number(books: Books) -> None:
    """A seller may tell us the number a day late; Amazon's case id is the proof, not the date."""
    await books.file()
    await books.report(paid(approval_date="2026-10-02T10:00:00+00:00"))
    assert (await books.listed())[0]["billable"]


async def test_matching_again_or_at_once_stages_one_event(books: Books) -> None:
    await books.file()
    await books.read(paid())
    await asyncio.gather(*(books.match() for _ in range(5)), return_exceptions=True)
    await books.match()
    assert len(await books.events()) == 1
    await books.service.work()
    sent = [one for one in books.service.neighbours.events if one.type == "recovery.confirmed"]
    assert len(sent) == 1


async def test_the_event_is_staged_with_the_row_or_not_at_all(
    books: Books, owner_connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await books.file()
    await owner_connection.execute(
        "CREATE FUNCTION integrations.refuse() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'no disk'; END $$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON integrations.outbox"
        " FOR EACH ROW EXECUTE FUNCTION integrations.refuse()"
    )
    with pytest.raises(DBAPIError, match="no disk"):
        await books.report(paid())
    assert await books.listed() == []
    assert await books.status() == "filed"
    await owner_connection.execute("DROP TRIGGER refuse ON integrations.outbox")
    assert await books.match() == 1
    assert len(await books.events()) == 1


async def test_a_reversal_is_told_with_its_own_amount(books: Books) -> None:
    case_id = await books.file()
    await books.report(paid(), taken_back(2, of=1, amount="-12.34"))
    confirmed, reversed_ = await books.events()
    assert (reversed_.type, reversed_.recovery_id, reversed_.reversal_id) == (
        "recovery.reversed",
        "70001",
        "70002",
    )
    assert (confirmed.amount_minor, reversed_.amount_minor) == (3702, 1234)
    assert await books.status() == "reversed"
    reversal = next(one for one in await books.listed() if one["recoveryId"] == "70002")
    assert (reversal["caseId"], reversal["billable"]) == (case_id, False)
    assert reversal["notBillableReason"] == recoveries.REVERSAL


async def test_a_reversal_read_before_its_payment_is_told_when_the_payment_is(
    books: Books,
) -> None:
    await books.file()
    await books.report(taken_back(2, of=1, amount="-12.34"))
    assert await books.events() == []
    await books.report(paid())
    assert [one.type for one in await books.events()] == ["recovery.confirmed", "recovery.reversed"]
    assert await books.status() == "reversed"


async def test_a_reversal_of_what_was_not_ours_is_not_told(books: Books) -> None:
    await books.file()
    await books.report(paid(case_id=""), taken_back(2, of=1, amount="-12.34", case_id=""))
    assert await books.events() == []
    assert await books.status() == "filed"


async def test_two_reversals_of_one_payment_are_both_told(books: Books) -> None:
    await books.file()
    await books.report(paid())
    await books.report(taken_back(2, of=1, amount="-10.00"))
    await books.report(taken_back(3, of=1, amount="-5.00"))
    assert [one.amount_minor for one in await books.events()] == [3702, 1000, 500]


async def test_a_payment_after_a_reversal_is_a_recovery_too(books: Books) -> None:
    await books.file()
    await books.report(paid(), taken_back(2, of=1, amount="-37.02"))
    await books.report(paid(3, "36.00", 3))
    assert [one.amount_minor for one in await books.events()] == [3702, 3702, 3600]


async def test_a_reversal_that_takes_nothing_is_kept_and_not_told(books: Books) -> None:
    """Stock taken back has no amount."""
    await books.file()
    await books.report(paid(), taken_back(2, of=1, amount="0.00"))
    assert [one.type for one in await books.events()] == ["recovery.confirmed"]
    assert len(await books.listed()) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE case_recoveries SET amount_minor = 1",
        "DELETE FROM case_recoveries",
        "INSERT INTO case_recoveries SELECT user_id, recovery_id || 'x', NULL, amount_minor,"
        " currency, quantity, approved_at, reason, amazon_case_id, NULL, true, NULL, now()"
        " FROM case_recoveries",
        "INSERT INTO case_recoveries SELECT user_id, recovery_id || 'x', case_id, -1,"
        " currency, quantity, approved_at, reason, amazon_case_id, NULL, true, NULL, now()"
        " FROM case_recoveries",
        "INSERT INTO case_recoveries SELECT * FROM case_recoveries",
    ],
)
async def test_the_database_keeps_what_was_allocated(books: Books, statement: str) -> None:
    await books.file()
    await books.report(paid())
    with pytest.raises(DBAPIError):
        await books.service.execute(statement)


async def test_a_case_that_is_filed_here_after_amazon_paid_it_is_not_charged(books: Books) -> None:
    """He had filed it himself before us (ruling R15): the reason is kept, and nothing is told."""
    await books.report(paid())
    await books.file()
    await books.report(paid())
    (recovery,) = await books.listed()
    assert (recovery["billable"], recovery["notBillableReason"]) == (
        False,
        recoveries.NOT_FILED_HERE,
    )
    assert await books.events() == []


async def test_a_row_that_cannot_be_told_is_kept_aside_and_stops_no_other(books: Books) -> None:
    """Each cell may be read, what they sum to is more than any service accepts."""
    await books.file()
    await books.read(paid(1, "99999999.99"), paid(1, "0.01"), paid(2))
    assert await books.match() == 2
    assert [(one.recovery_id, one.amount_minor) for one in await books.events()] == [
        ("70002", 3702)
    ]
    aside = next(one for one in await books.listed() if one["recoveryId"] == "70001")
    assert (aside["billable"], aside["caseId"]) == (False, None)
    assert aside["notBillableReason"] == f"{recoveries.UNUSABLE}amount minor"
    assert await books.match() == 0


@pytest.mark.parametrize("payment_first", [True, False])
async def test_a_reversal_that_cannot_be_told_is_kept_aside_too(
    books: Books, payment_first: bool
) -> None:
    await books.file()
    back = taken_back(2, of=1, amount="-99999999.99")
    reports = [[paid()], [back, back]]
    for rows in reports if payment_first else reversed(reports):
        await books.report(*rows)
    assert [one.type for one in await books.events()] == ["recovery.confirmed"]
    aside = next(one for one in await books.listed() if one["recoveryId"] == "70002")
    assert aside["notBillableReason"] == f"{recoveries.UNUSABLE}amount minor"


async def test_more_money_for_a_reimbursement_is_a_payment_and_no_reversal(books: Books) -> None:
    """Amazon names the first payment when it tops one up; the sign decides, not the word."""
    case_id = await books.file()
    await books.report(paid())
    await books.report(paid(), taken_back(2, of=1, amount="4.50"))
    first, second = sorted(await books.listed(), key=lambda one: one["recoveryId"])
    assert (second["amountCents"], second["billable"], second["caseId"]) == (450, True, case_id)
    assert [event.type for event in await books.events()] == ["recovery.confirmed"] * 2
    assert first["amountCents"] == 3702
    assert await books.status() == "paid"
