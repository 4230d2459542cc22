"""Whatever comes, how often and in what order, and whenever workers die: one fee, one end state."""

import itertools
from dataclasses import dataclass, field

from engine import AFTER, AFTER_CALL, BEFORE, Engine
from factories import commission, confirmed, reversed_
from fakes.payments_fake import problem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opside_contracts.events import Event
from opside_contracts.payments.messages import CommissionStatus

NUMBERS = itertools.count()
TELL, WORK, OUTAGE = "tell", "work", "payments is down"
STEPS = st.lists(
    st.tuples(
        st.sampled_from([TELL, TELL, WORK, OUTAGE, BEFORE, AFTER_CALL, AFTER]), st.integers(0, 9)
    ),
    max_size=25,
)
FATES = st.sampled_from(
    [
        [],
        [CommissionStatus.PROCESSING, CommissionStatus.CHARGED],
        [CommissionStatus.FAILED],
        [CommissionStatus.FAILED, CommissionStatus.CHARGED, CommissionStatus.REFUNDED],
    ]
)


@dataclass
class Story:
    """One recovery of one seller: what may be told of it now, and what Stripe will make of its fee."""

    engine: Engine
    reversals: list[int]
    fate: list[CommissionStatus]
    number: int = field(default_factory=lambda: next(NUMBERS))

    @property
    def ids(self) -> dict[str, str]:
        return {"user_id": f"usr_{self.number}", "recovery_id": f"r{self.number}"}

    @property
    def charged(self) -> bool:
        return f"txn_r{self.number}" in self.engine.payments.charges

    def news(self) -> list[Event]:
        """In the order in which they happened; a fee's events exist once there is a fee."""
        taken_back = [
            reversed_(reversal_id=f"{self.number}-{at}", amount_minor=amount, **self.ids)
            for at, amount in enumerate(self.reversals)
        ]
        fee = [
            commission(
                version,
                event_id=f"evt_{self.number}_v{version}",
                status=status,
                collected_cents=0 if status is CommissionStatus.FAILED else 2_000,
                settled=status is not CommissionStatus.PROCESSING,
                **self.ids,
            )
            for version, status in enumerate(self.fate, start=1)
        ]
        return [confirmed(**self.ids), *taken_back, *(fee if self.charged else [])]

    async def step(self, act: str, choice: int) -> None:
        if act == TELL:
            news = self.news()
            await self.engine.tell(news[choice % len(news)])
        elif act == OUTAGE:
            self.engine.payments.before = [problem(503)] * 3
        elif act == WORK:
            await self.work()
        else:
            self.engine.dies[:] = [act]

    async def work(self, *, rounds: int = 1) -> None:
        # Failures become a case only after hours; here all of it happens within one.
        await self.engine.execute("UPDATE outbox SET failures = 0")
        await self.engine.work(rounds=rounds)

    async def end(self, order: st.DataObject) -> None:
        """The storm is over: everything is told at last, in some order, and everybody works."""
        self.engine.dies.clear()
        self.engine.payments.before.clear()
        for _ in range(2):  # the second time with what became of the fee
            for event in order.draw(st.permutations(self.news())):
                await self.engine.tell(event)
            await self.work(rounds=4)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=STEPS,
    reversals=st.lists(st.integers(1, 5_000), max_size=2),
    fate=FATES,
    order=st.data(),
)
async def test_any_order_ends_in_one_state_with_one_fee(
    engine: Engine,
    steps: list[tuple[str, int]],
    reversals: list[int],
    fate: list[CommissionStatus],
    order: st.DataObject,
) -> None:
    story = Story(engine, reversals, fate)
    for act, choice in steps:
        await story.step(act, choice)
    await story.end(order)

    row = await engine.recovery(**story.ids)
    assert row["transaction_id"] == f"txn_r{story.number}"
    assert (row["fee_minor"], row["reversed_minor"]) == (2_000, sum(reversals))
    assert row["commission_status"] == (fate[-1] if fate else None)
    assert row["commission_version"] == len(fate)

    charges = [one for one in engine.payments.charges.values() if one.user_id == row["user_id"]]
    assert len(charges) == 1
    mine = {
        name: one.refund_amount_cents
        for name, one in engine.payments.clawbacks.items()
        if name.startswith(f"{story.number}-")
    }
    assert mine == {f"{story.number}-{at}": amount for at, amount in enumerate(reversals)}
    asked = await engine.rows(
        "SELECT kind FROM outbox WHERE tenant = :user_id AND kind = 'request_commission'",
        user_id=row["user_id"],
    )
    assert len(asked) == 1
    assert {name.split()[1] for name in await engine.jobs()} == {"done"}
