"""A case that nobody filed closes when nothing is owed any longer, says why, and opens again."""

import asyncio
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from factories.claims import CLAIM, cases_of, file_case, find, record, settled
from factories.report_rows import file_text, row
from fakes.amazon_fake import FakeAmazon
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from service import ADA, Service
from sqlalchemy.exc import DBAPIError

from integrations_backend.cases.record import record_cases
from integrations_backend.reports.kinds import LEDGER, REIMBURSEMENTS
from integrations_backend.sync.start import start_sync
from opside_chassis.migration import alembic_config
from opside_chassis.testing.plugin import MigratedDatabase, SchemaUnderTest

OTHER = replace(CLAIM, key="warehouse_lost:X001:2")


async def claims_of(service: Service) -> list[dict[str, Any]]:
    async with service.as_user(ADA) as browser:
        return list((await browser.get("/api/amazon/claims")).json()["items"])


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("found", "Amazon found the units"),
        ("paid", "Amazon paid without a case of ours"),
        ("window_expired", "the time to claim has ended"),
    ],
)
async def test_a_case_of_which_nothing_is_owed_closes_with_the_reason(
    service: Service, reason: str, words: str
) -> None:
    await record(service, CLAIM)
    await record(service, settled(CLAIM, reason), sync="syn_2")
    (case,) = await cases_of(service)
    assert (case["status"], case["closedReason"]) == ("closed", words)
    assert case["audit"][-1] | {"at": ""} == {
        "step": "closed",
        "syncId": "syn_2",
        "reason": words,
        "at": "",
    }
    assert await claims_of(service) == []
    assert await cases_of(service, status="open") == []
    assert len(await cases_of(service, status="closed")) == 1


async def test_a_loss_that_no_report_shows_any_longer_closes_its_case(service: Service) -> None:
    await record(service, CLAIM, OTHER)
    await record(service, OTHER)
    (closed,) = await cases_of(service, status="closed")
    assert closed["closedReason"] == "Amazon's reports no longer show the loss"
    assert len(await claims_of(service)) == 1


async def test_what_ends_the_rest_of_a_loss_is_the_reason(service: Service) -> None:
    await record(service, CLAIM)
    await record(service, settled(CLAIM, "paid", 1), settled(CLAIM, "window_expired", 2))
    (case,) = await cases_of(service)
    assert case["closedReason"] == "the time to claim has ended"


async def test_a_closed_case_is_not_filed(service: Service) -> None:
    await record(service, CLAIM)
    await record(service, settled(CLAIM, "found"))
    (case,) = await cases_of(service)
    answer = await file_case(service, case["caseId"], "1234567890")
    assert (answer.status_code, answer.json()["code"]) == (409, "case_closed")
    assert answer.json()["detail"] == "this case is closed: Amazon found the units"
    assert (await cases_of(service))[0]["amazonCaseId"] is None


async def test_between_the_two_steps_of_a_sync_a_case_is_not_filed_either(
    service: Service,
) -> None:
    await record(service, CLAIM)
    (case,) = await cases_of(service)
    await find(service, settled(CLAIM, "paid"))
    assert (await file_case(service, case["caseId"], "1234567890")).status_code == 409
    await record_cases(service.sessions, user_id=ADA, sync_id="syn_1")
    await find(service, CLAIM)
    assert (await file_case(service, case["caseId"], "1234567890")).status_code == 409
    await record_cases(service.sessions, user_id=ADA, sync_id="syn_1")
    assert (await file_case(service, case["caseId"], "1234567890")).status_code == 200


async def test_a_loss_that_is_owed_again_opens_its_case(service: Service) -> None:
    await record(service, CLAIM)
    await record(service, settled(CLAIM, "paid"))
    await record(service, replace(CLAIM, quantity=1), sync="syn_3")
    (case,) = await cases_of(service)
    assert (case["status"], case["closedReason"], case["quantity"]) == ("open", None, 1)
    steps = [one["step"] for one in case["audit"]]
    assert steps == ["created", "closed", "owed again", "source changed"]
    assert [one["quantity"] for one in await claims_of(service)] == [1]


async def test_the_same_findings_again_close_once(service: Service) -> None:
    await record(service, CLAIM)
    for _ in range(3):
        await record(service, settled(CLAIM, "found"))
    (case,) = await cases_of(service)
    assert [one["step"] for one in case["audit"]] == ["created", "closed"]


async def test_a_filed_case_stays_as_it_was_filed(service: Service) -> None:
    await record(service, CLAIM)
    (case,) = await cases_of(service)
    await file_case(service, case["caseId"], "1234567890")
    filed = await cases_of(service)
    await record(service, settled(CLAIM, "paid"))
    assert await cases_of(service) == filed
    again = await file_case(service, case["caseId"], "1234567890")
    assert (again.status_code, [again.json()]) == (200, filed)


async def test_a_claim_that_was_never_a_case_makes_none_once_it_is_settled(
    service: Service,
) -> None:
    await find(service, CLAIM)
    await record(service, settled(CLAIM, "found"))
    assert await cases_of(service) == []


async def test_filing_and_closing_at_once_end_in_one_of_both(service: Service) -> None:
    claims = [replace(CLAIM, key=f"k{number}") for number in range(8)]
    await record(service, *claims)
    cases = await cases_of(service)
    await asyncio.gather(
        record(service, *(settled(one, "paid") for one in claims)),
        *(file_case(service, one["caseId"], f"12345678{n}") for n, one in enumerate(cases)),
    )
    for case in await cases_of(service):
        assert case["status"] == ("closed" if case["amazonCaseId"] is None else "filed")


@pytest.mark.parametrize(
    "change",
    [
        "case_status = 'closed'",
        "closed_reason = 'because'",
        "case_status = 'closed', closed_reason = 'x', amazon_case_id = '1', filed_at = now(),"
        " filed_quantity = 1",
        "case_status = 'paid'",
    ],
)
async def test_the_database_refuses_half_a_closing(service: Service, change: str) -> None:
    await record(service, CLAIM)
    with pytest.raises(DBAPIError):
        await service.execute(f"UPDATE refund_engine_cases SET {change}")  # noqa: S608


async def test_the_database_files_no_closed_case(service: Service) -> None:
    await record(service, CLAIM)
    await record(service, settled(CLAIM, "found"))
    with pytest.raises(DBAPIError, match="no case goes from closed to filed"):
        await service.execute(
            "UPDATE refund_engine_cases SET case_status = 'filed', closed_reason = NULL,"
            " amazon_case_id = '1234567', filed_at = now(), filed_quantity = 1"
        )


NUMBERS = count(10**9)
WORDS = st.lists(st.sampled_from(["owed", "found", "paid", "absent", "file"]), max_size=8)


@examples(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(WORDS)
async def test_a_case_is_open_exactly_while_its_loss_is_owed_and_it_is_not_filed(
    service: Service, words: list[str]
) -> None:
    number = str(next(NUMBERS))
    claim = replace(CLAIM, key=number)
    await record(service, claim)
    case_id, owed, filed = (await cases_of(service))[0]["caseId"], True, False
    for word in words:
        if word == "file":
            answer = await file_case(service, case_id, number)
            assert (answer.status_code == 200) == (filed or owed)
            filed = filed or owed
            continue
        owed = word == "owed"
        told = [] if word == "absent" else [claim if owed else settled(claim, word)]
        await record(service, *told)
        async with service.as_user(ADA) as browser:
            case = (await browser.get(f"/api/cases/{case_id}")).json()
        assert case["status"] == ("filed" if filed else "open" if owed else "closed")


async def synced(service: Service, amazon: FakeAmazon, **documents: str) -> None:
    """A sync that reads these reports."""
    amazon.documents = {LEDGER: documents["ledger"].encode()}
    amazon.documents[REIMBURSEMENTS] = documents["payments"].encode()
    await start_sync(service.sessions, user_id=ADA, reason="test", clock=service.runtime.clock)
    await service.work()


LOST = file_text(LEDGER, [row(LEDGER)])
ELSEWHERE = row(REIMBURSEMENTS, reimbursement_id="70009", fnsku="X999")


@pytest.mark.parametrize("how", ["paid", "found", "window"])
async def test_a_sync_closes_what_amazon_settled_meanwhile(
    service: Service, amazon: FakeAmazon, tmp_path: Path, how: str
) -> None:
    await service.connect(ADA)
    await synced(service, amazon, ledger=LOST, payments=file_text(REIMBURSEMENTS, [ELSEWHERE]))
    assert [one["status"] for one in await cases_of(service)] == ["open"]
    ledger, payments = [row(LEDGER)], [ELSEWHERE]
    if how == "paid":
        payments.append(row(REIMBURSEMENTS))
    elif how == "found":
        ledger.append(row(LEDGER, reason="F", quantity="1", reference_id="900002"))
    else:
        service.runtime.clock.advance(days=30)  # type: ignore[attr-defined]
    await synced(
        service,
        amazon,
        ledger=file_text(LEDGER, ledger),
        payments=file_text(REIMBURSEMENTS, payments),
    )
    (case,) = await cases_of(service)
    assert (
        case["closedReason"]
        == {
            "paid": "Amazon paid without a case of ours",
            "found": "Amazon found the units",
            "window": "the time to claim has ended",
        }[how]
    )


async def test_the_migration_can_be_taken_back_with_closed_cases(
    service: Service, migrated: MigratedDatabase, schema_under_test: SchemaUnderTest
) -> None:
    await record(service, CLAIM, OTHER)
    await record(service, OTHER)
    config = alembic_config(schema_under_test.alembic_ini, migrated.owner_url)
    await asyncio.to_thread(command.downgrade, config, "0001")
    stored = await service.rows("SELECT case_status FROM refund_engine_cases")
    assert stored == [{"case_status": "open"}] * 2
    await asyncio.to_thread(command.upgrade, config, "head")
    await record(service, OTHER)
    assert len(await cases_of(service, status="closed")) == 1
