"""Whatever the order and overlap of reports: recovered is what Amazon paid for filed cases, never more."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from factories.books import Books, paid, taken_back
from factories.claims import cases_of
from factories.report_rows import Row
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service import Service

FILED = ("100001", "100002")
NUMBERS = (*FILED, "999999", "")
"""Two cases filed through Opside, one filed elsewhere, and payments without a case."""


@dataclass(frozen=True)
class Payment:
    """The rows of one reimbursement id, what they sum to, and what was taken back of it later."""

    case: str
    rows: tuple[Row, ...]
    minor: int
    taken_back: tuple[tuple[Row, int], ...]

    @property
    def ours(self) -> bool:
        return self.case in FILED


def decimal(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"


@st.composite
def payments(draw: st.DrawFn) -> list[Payment]:
    made = []
    for number in range(draw(st.integers(1, 4))):
        case = draw(st.sampled_from(NUMBERS))
        # Identical rows are real, so amounts may repeat.
        amounts = draw(st.lists(st.sampled_from([1, 1234, 1234, 99_999]), min_size=1, max_size=3))
        left, back = sum(amounts), []
        for part in range(draw(st.integers(0, 2))):
            taken = draw(st.integers(1, left))
            left -= taken
            reversal = taken_back(
                100 + 10 * number + part, of=number, amount=f"-{decimal(taken)}", case_id=case
            )
            back.append((reversal, taken))
            if not left:
                break
        rows = tuple(paid(number, decimal(amount), 1, case_id=case) for amount in amounts)
        made.append(Payment(case, rows, sum(amounts), tuple(back)))
    return made


@st.composite
def report_series(draw: st.DrawFn) -> tuple[list[Payment], list[tuple[list[Row], bool]]]:
    """Reports in any order, overlapping as they like; each reimbursement is in one at least.

    Some are matched at once, some together with the next.
    """
    made = draw(payments())
    groups = [list(one.rows) for one in made]
    groups += [[reversal] for one in made for reversal, _ in one.taken_back]
    indices = range(len(groups))
    chosen = draw(st.lists(st.sets(st.sampled_from(indices)), max_size=4))
    missing = set(indices) - set().union(*chosen)
    reports = []
    for numbers in draw(st.permutations([*chosen, missing])):
        rows = [one for number in sorted(numbers) for one in groups[number]]
        reports.append((draw(st.permutations(rows)) if rows else [], draw(st.booleans())))
    return made, reports


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(series=report_series())
async def test_recovered_is_what_amazon_paid(
    service: Service, tmp_path: Path, series: tuple[list[Payment], list[tuple[list[Row], bool]]]
) -> None:
    made, reports = series
    books = Books(service, tmp_path, user_id=f"usr_{secrets.token_hex(6)}")
    for number in FILED:
        await books.file(number, key=number)
    for rows, matched_at_once in reports:
        await books.read(*rows)
        if matched_at_once:
            await books.match()
    await books.match()

    listed = await books.listed()
    ours = [one for one in made if one.ours]
    assert sum(one["amountCents"] for one in listed if one["billable"]) == sum(
        one.minor for one in ours
    )
    assert len(listed) == len(made) + sum(len(one.taken_back) for one in made)

    events = await books.events()
    told = sorted(one.amount_minor for one in events if one.type == "recovery.confirmed")
    assert told == sorted(one.minor for one in ours)
    back = sorted(one.amount_minor for one in events if one.type == "recovery.reversed")
    assert back == sorted(minor for one in ours for _, minor in one.taken_back)
    assert len({one.event_id for one in events}) == len(events)


async def allocation(books: Books) -> dict[str, object]:
    """What belongs to what, without the ids of cases, and what was told."""
    cases = {
        one["caseId"]: (one["amazonCaseId"], one["status"])
        for one in await cases_of(books.service, books.user_id)
    }
    told = sorted((one.type, one.recovery_id, one.amount_minor) for one in await books.events())
    return {
        "told": told,
        "cases": sorted(cases.values()),
        "rows": sorted(
            (
                one["recoveryId"],
                one["amountCents"],
                one["quantity"],
                cases.get(one["caseId"]),
                one["billable"],
                one["notBillableReason"] or "",
            )
            for one in await books.listed()
        ),
    }


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(series=report_series())
async def test_any_order_and_any_split_of_the_reports_gives_the_same_allocation(
    service: Service, tmp_path: Path, series: tuple[list[Payment], list[tuple[list[Row], bool]]]
) -> None:
    """Held against one report that has everything. Amazon never splits the rows of one id."""
    made, reports = series
    found = []
    everything = [row for one in made for row in one.rows]
    everything += [row for one in made for row, _ in one.taken_back]
    for delivered in ([(everything, True)], reports):
        books = Books(service, tmp_path, user_id=f"usr_{secrets.token_hex(6)}")
        for number in FILED:
            await books.file(number, key=number)
        for rows, matched_at_once in delivered:
            await books.read(*rows)
            if matched_at_once:
                await books.match()
        await books.match()
        found.append(await allocation(books))
    assert found[0] == found[1]
