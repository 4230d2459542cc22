"""Whatever people and Amazon do in whatever order, a filing obeys its table and its audit tells all of it."""

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import Any

from engine import Engine
from factories import confirmed, reversed_
from fakes.integrations_fake import seller_case
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seller import Seller

from main_api.filings.rules import TRANSITIONS, FilingState, state_after_payments

MOVES = ("ready", "drafted", "answered", "denied", "appealed", "paid", "expired")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.sampled_from(MOVES)),
        st.tuples(st.just("filed"), st.sampled_from(["900900", "900901"])),
        st.tuples(st.just("pay"), st.integers(1, 2)),
        st.tuples(st.just("take back"), st.sampled_from([500, 1_000])),
    ),
    max_size=9,
)


@dataclass
class Model:
    """What must be true, told by the rules alone."""

    state: FilingState = FilingState.DRAFTED
    amazon_case_id: str | None = None
    paid: list[int] = field(default_factory=list)
    """Units of each payment of 1,000 minor units."""
    taken: list[int] = field(default_factory=list)

    def may(self, target: str) -> bool:
        return self.state.value == target or (self.state, FilingState(target)) in TRANSITIONS

    def person_may(self, target: str) -> bool:
        return self.state is not FilingState.PAID and self.may(target)

    def after_payment(self) -> None:
        if self.amazon_case_id is None:
            self.amazon_case_id = "900"
        self.state = state_after_payments(
            claimed_units=2,
            paid_units=sum(self.paid),
            paid_minor=1_000 * len(self.paid),
            reversed_minor=sum(self.taken),
        )


async def play(seller: Seller, engine: Engine, number: int, script: list[tuple[str, Any]]) -> None:
    case_id, model = f"cas_{number}", Model()
    case = seller_case(number, status="open")
    seller.integrations.cases.setdefault("usr_a", []).append(case)
    filing = await seller.posted("/api/filings", {"caseId": case_id}, status=201)
    path = f"/api/filings/{filing['filingId']}"
    for place, (verb, value) in enumerate(script):
        if verb == "move":
            answer = await seller.http.post(f"{path}/move", json={"to": value})
            # Only facts say that Amazon paid or that the time is over.
            stays = model.state.value == value
            legal = stays or (value not in {"paid", "expired"} and model.person_may(value))
            assert answer.status_code == (200 if legal else 409), answer.text
            model.state = FilingState(value) if legal else model.state
        elif verb == "filed":
            own = f"{number}{value}"
            answer = await seller.http.post(f"{path}/filed", json={"amazonCaseId": own})
            known = model.amazon_case_id
            legal = known == own or (known is None and model.may("filed"))
            assert answer.status_code == (200 if legal else 409), answer.text
            if legal and known is None:
                model.state, model.amazon_case_id = FilingState.FILED, own
        elif verb == "pay":
            recovery_id = f"{number}.{place}"
            seller.integrations.change("usr_a", case_id, status="filed")
            await engine.tell(
                confirmed(
                    recovery_id=recovery_id,
                    case_id=case_id,
                    claim_id=case.claim_id,
                    quantity=value,
                    amount_minor=1_000,
                    amazon_case_id=model.amazon_case_id or f"{number}777777",
                )
            )
            await engine.work()
            model.paid.append(value)
            model.amazon_case_id = model.amazon_case_id or f"{number}777777"
            model.after_payment()
        elif model.paid:
            first = next(n for n, (other, _) in enumerate(script) if other == "pay")
            if sum(model.taken) + value > 1_000:
                continue
            await engine.tell(
                reversed_(
                    recovery_id=f"{number}.{first}",
                    reversal_id=f"r{number}.{place}",
                    amount_minor=value,
                )
            )
            await engine.work()
            model.taken.append(value)
            model.after_payment()
        view = await seller.got(path)
        assert (view["state"], view["amazonCaseId"]) == (model.state.value, model.amazon_case_id)
    await told_whole(seller, path)


async def told_whole(seller: Seller, path: str) -> None:
    """The audit begins with the draft, misses no version, and holds legal moves only."""
    audit = await seller.got(f"{path}/audit")
    assert [one["version"] for one in audit] == list(range(1, len(audit) + 1))
    assert (await seller.got(path))["version"] == len(audit)
    for former, later in itertools.pairwise(audit):
        assert later["fromState"] == former["toState"]
        moved = FilingState(later["fromState"]), FilingState(later["toState"])
        assert moved[0] is moved[1] or moved in TRANSITIONS


async def test_any_order_of_steps_obeys_the_table(seller: Seller, engine: Engine) -> None:
    counted = iter(range(1_000, 2_000))
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(steps)
    def example(script: list[tuple[str, Any]]) -> None:
        played = play(seller, engine, next(counted), script)
        asyncio.run_coroutine_threadsafe(played, loop).result(60)

    await asyncio.to_thread(example)
