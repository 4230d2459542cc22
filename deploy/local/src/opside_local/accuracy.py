"""Claims found for generated sellers beside the generator's truth: by units and money, misses by name.

Both sides are programs of their own: the sandbox writes a seller's report files and what is true of them,
integrations-backend prints what it finds in the files. Money is minor units; what is valued by a cost
document counts with the seller's own cost.
"""

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

AT_ONCE = 2
BY_ORDER = frozenset({"customer_return", "removal_lost"})
"""Told apart by order id; the others by reference."""
MONEY_ONLY = frozenset({"fee_overcharge", "underpaid"})
"""Claims in which no unit is missing."""
MOST_SHOWN = 20

Entry = Mapping[str, Any]
Name = tuple[str, str, str]
"""Claim type, FNSKU, and the order or reference of the loss."""


class DetectionFailed(Exception):
    """One of the two programs ended with an error; its last words."""


@dataclass(frozen=True, slots=True)
class Seller:
    """An account to generate: a persona whose store and dialect it has, a seed, ledger rows."""

    like: str
    seed: str
    rows: int = 3_000


@dataclass(frozen=True, slots=True)
class Sum:
    """Units, or money of one currency: claimed, owed, and what both agree on."""

    claimed: int = 0
    owed: int = 0
    right: int = 0

    def plus(self, other: "Sum") -> "Sum":
        """Both together."""
        return Sum(self.claimed + other.claimed, self.owed + other.owed, self.right + other.right)

    @property
    def precision(self) -> float:
        """The part of what was claimed that is owed; whole where nothing was claimed."""
        return self.right / self.claimed if self.claimed else 1.0

    @property
    def recall(self) -> float:
        """The part of what is owed that was claimed; whole where nothing is owed."""
        return self.right / self.owed if self.owed else 1.0


@dataclass(slots=True)
class Accuracy:
    """What was found beside what is true, of any number of sellers."""

    units: dict[str, Sum] = field(default_factory=dict)
    """By claim type."""
    money: dict[tuple[str, str], Sum] = field(default_factory=dict)
    """By claim type and currency."""
    misses: list[str] = field(default_factory=list)
    claimed_twice: int = 0
    claims_on_clean_sellers: int = 0
    sellers: int = 0

    def add(self, other: "Accuracy") -> None:
        """Take another seller's figures in."""
        for kind, units in other.units.items():
            self.units[kind] = self.units.get(kind, Sum()).plus(units)
        for key, money in other.money.items():
            self.money[key] = self.money.get(key, Sum()).plus(money)
        self.misses += other.misses
        self.claimed_twice += other.claimed_twice
        self.claims_on_clean_sellers += other.claims_on_clean_sellers
        self.sellers += other.sellers

    @property
    def all_units(self) -> Sum:
        """Of all claim types."""
        return _together(self.units.values())

    def money_of(self, currency: str) -> Sum:
        """Of all claim types."""
        return _together(one for (_, known), one in self.money.items() if known == currency)

    @property
    def currencies(self) -> list[str]:
        """Of all sellers."""
        return sorted({currency for _, currency in self.money})


def _together(sums: Iterable[Sum]) -> Sum:
    whole = Sum()
    for one in sums:
        whole = whole.plus(one)
    return whole


async def examine(sellers: Sequence[Seller]) -> Accuracy:
    """Generate, detect and compare every seller, some at once.

    Raises:
        DetectionFailed: a program ended with an error.
    """
    places = asyncio.Semaphore(AT_ONCE)

    async def one(seller: Seller) -> Accuracy:
        async with places:
            return await _examine(seller)

    whole = Accuracy()
    for found in await asyncio.gather(*map(one, sellers)):
        whole.add(found)
    return whole


async def _examine(seller: Seller) -> Accuracy:
    with tempfile.TemporaryDirectory(prefix="opside-accuracy-") as place:
        folder = Path(place)
        order = ("--rows", str(seller.rows), "--seed", seller.seed, "--like", seller.like)
        await _run("opside_sandbox.amazon.bulk", place, *order, "--everything")
        found = json.loads(await _run("integrations_backend.detection", place))
        lines = (folder / "truth.jsonl").read_text("utf-8").splitlines()
        costs = json.loads((folder / "costs.json").read_text("utf-8"))
    return compare(
        found["claims"],
        [json.loads(line) for line in lines],
        costs={one["sku"]: one["unitCostCents"] for one in costs},
        who=f"{seller.like}, seed {seller.seed}",
        currency=found["currency"],
    )


async def _run(module: str, *arguments: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    answer, said = await process.communicate()
    if process.returncode:
        raise DetectionFailed(f"{module}: {said.decode(errors='replace').strip()[-500:]}")
    return answer


def compare(
    claims: Sequence[Entry],
    losses: Sequence[Entry],
    *,
    costs: Mapping[str, int],
    who: str,
    currency: str,
) -> Accuracy:
    """One seller's claims beside all his losses; those without a `reason` are owed."""
    owed = [one for one in losses if one["reason"] is None]
    sides = [_sums(claims, _claim_name, costs), _sums(owed, _loss_name, costs)]
    found = Accuracy(sellers=1, claims_on_clean_sellers=0 if owed else len(claims))
    for name in sorted({*sides[0], *sides[1]}):
        claimed, due = (side.get(name, (0, 0)) for side in sides)
        units, money = (Sum(c, d, min(c, d)) for c, d in zip(claimed, due, strict=True))
        kind = name[0]
        found.units[kind] = found.units.get(kind, Sum()).plus(units)
        key = kind, currency
        found.money[key] = found.money.get(key, Sum()).plus(money)
        if claimed != due:
            found.misses.append(
                f"{who}: {kind} of {name[1]} ({name[2]}): claimed {claimed[0]} units, {claimed[1]}"
                f" {currency} minor; owed {due[0]} units, {due[1]}"
            )
    found.claimed_twice = sum(_claimed_twice(claims, losses).values())
    return found


def _sums(
    entries: Iterable[Entry], name_of: Callable[[Entry], Name], costs: Mapping[str, int]
) -> dict[Name, tuple[int, int]]:
    """Units and money by name; two losses may be equal in all that is told of them."""
    found: dict[Name, tuple[int, int]] = {}
    for one in entries:
        units, money = found.get(name_of(one), (0, 0))
        value = one["value_minor"]
        worth = one["quantity"] * costs.get(one["sku"], 0) if value is None else value
        found[name_of(one)] = units + one["quantity"], money + worth
    return found


def _claim_name(claim: Entry) -> Name:
    kind = claim["claim_type"]
    return kind, claim["fnsku"], claim["order_id" if kind in BY_ORDER else "reference_id"]


def _loss_name(loss: Entry) -> Name:
    kind = loss["claim_type"]
    return kind, loss["fnsku"], loss["order_id" if kind in BY_ORDER else "reference"]


def _claimed_twice(claims: Sequence[Entry], losses: Sequence[Entry]) -> Counter[tuple[str, str]]:
    """Units claimed beyond those that were ever lost there, whatever the claims are called.

    There: an order, a removal, a shipment, or the centres. What was taken back is the unit that the
    payment was for.
    """
    claimed: Counter[tuple[str, str]] = Counter()
    lost: Counter[tuple[str, str]] = Counter()
    for one in claims:
        if one["claim_type"] not in MONEY_ONLY:
            claimed[one["fnsku"], _place(one, one["reference_id"])] += one["quantity"]
    for one in losses:
        if one["claim_type"] not in MONEY_ONLY | {"reversal"}:
            lost[one["fnsku"], _place(one, one["reference"])] += one["quantity"]
    return claimed - lost


def _place(one: Entry, reference: str) -> str:
    if one["claim_type"] == "inbound_shortage":
        return reference
    return one["order_id"] or ""


def words(accuracy: Accuracy) -> Iterator[str]:
    """The figures by claim type and currency, then every miss."""
    yield f"{accuracy.sellers} sellers, {accuracy.all_units.owed} units owed"
    for kind, units in sorted(accuracy.units.items()):
        money = [one for (known, _), one in accuracy.money.items() if known == kind]
        yield (
            f"{kind}: units {units.precision:.2%} right, {units.recall:.2%} found; money"
            f" {min(one.precision for one in money):.2%}, {min(one.recall for one in money):.2%}"
            " at least"
        )
    yield f"claimed twice: {accuracy.claimed_twice} units"
    yield f"claims on clean sellers: {accuracy.claims_on_clean_sellers}"
    yield f"misses: {len(accuracy.misses)}"
    yield from accuracy.misses[:MOST_SHOWN]
