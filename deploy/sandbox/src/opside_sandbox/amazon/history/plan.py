"""Which losses are planted where: days before the sandbox's first day, and how each ended.

Days keep at least four days' distance from every border of section 6 of the facts, so that a run
around midnight, or a reader in another time zone, finds the same answer. A FNSKU has at most
one open warehouse story, so that payments answer exactly one loss.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Story:
    """One planted loss. `ending` None means the units are owed (window permitting).

    `found` units came back; `part` says Amazon will pay one unit less than owed; a wrong fee is
    charged from `days_ago` until `until`.
    """

    kind: str
    days_ago: int
    quantity: int = 1
    ending: str | None = None
    found: int = 0
    part: bool = False
    twin: bool = False
    until: int = 0


_LOST, _DAMAGED, _RETURN = "warehouse_lost", "warehouse_damaged", "customer_return"
_REPLACED, _REMOVAL, _INBOUND = "replacement", "removal_lost", "inbound_shortage"
FEE_STABLE, FEE_REMEASURED, FEE_REPACKAGED = "fee_stable", "fee_remeasured", "fee_repackaged"
FEE_PREVIEWED = "fee_previewed"
_WAREHOUSE = frozenset({_LOST, _DAMAGED})

CLAIMABLE = (
    *(Story(_LOST, d, q) for d, q in ((12, 1), (15, 2), (19, 1), (28, 3), (34, 1), (48, 2))),
    Story(_LOST, 23, 5, found=2),
    Story(_LOST, 41, 4, part=True),
    Story(_LOST, 37, 1, twin=True),
    *(Story(_DAMAGED, d, q) for d, q in ((11, 1), (17, 2), (26, 1), (37, 1))),
    Story(_DAMAGED, 46, 3, part=True),
    *(Story(_RETURN, d) for d in (66, 70, 74, 78, 82, 85)),
    Story(_REPLACED, 72),
    *(Story(_REMOVAL, d, q) for d, q in ((22, 2), (38, 1), (55, 3))),
    *(Story(_INBOUND, d, q) for d, q in ((45, 3), (90, 2), (135, 4))),
)
"""Each is owed on the first day; its index among the SKUs follows from its place here."""

OTHERS = (
    *(Story(_LOST, d, 2, "found_later", found=2) for d in (30, 50, 200)),
    Story(_LOST, 20, 1, "paid_cash"),
    Story(_LOST, 33, 2, "paid_cash_reconciled"),
    Story(_LOST, 240, 2, "paid_cash_reconciled"),
    Story(_LOST, 25, 1, "paid_stock"),
    Story(_LOST, 90, 2, "paid_stock"),
    *(Story(_LOST, d, 1, "reconciled") for d in (40, 44)),
    Story(_LOST, 260, 1, "reversed"),
    Story(_DAMAGED, 21, 1, "paid_cash"),
    Story(_DAMAGED, 150, 2, "paid_cash_reconciled"),
    Story(_RETURN, 70, 1, "paid_cash"),
    Story(_RETURN, 77, 1, "paid_cash"),
    Story(_RETURN, 140, 1, "paid_cash"),
    *(Story(_RETURN, d, 1, "returned") for d in (75, 81)),
    Story(_RETURN, 68, 1, "carrier_damaged"),
    Story(_REPLACED, 76, 1, "returned"),
    Story(_REMOVAL, 50, 2, "paid_cash"),
    Story(_INBOUND, 180, 2, "paid_cash"),
)

OPEN_LOSSES_OUTSIDE_THEIR_WINDOW = (
    *(Story(_LOST, d) for d in (75, 130, 300)),
    *(Story(_DAMAGED, d) for d in (80, 220)),
    Story(_LOST, 1),
    *(Story(_RETURN, d) for d in (8, 25, 40, 135, 180)),
    Story(_REPLACED, 140),
    Story(_REMOVAL, 6, 2),
    Story(_REMOVAL, 95, 1),
    Story(_INBOUND, 360, 3),
    Story(_INBOUND, 8, 4, "still_waiting"),
)


FURTHER_CLAIMABLE = (
    *(Story(_LOST, d, q, "reversed_unfound") for d, q in ((55, 2), (45, 1))),
    Story(_DAMAGED, 40, 1, "reversed_unfound"),
    Story(FEE_STABLE, 60, until=30),
    Story(FEE_REMEASURED, 75, until=20),
    Story(FEE_STABLE, 84, until=50),
    Story(FEE_PREVIEWED, 80, until=50),
    Story(_RETURN, 60, 1, "underpaid"),
    Story(_RETURN, 80, 1, "reversed_unreturned"),
    Story(_RETURN, 69, 1, "carrier_damaged_unpaid"),
    Story(_RETURN, 73, 1, "rebooked_as_amazons"),
    Story(_RETURN, 83, 1, "wrong_item"),
)
"""Owed as well; only accounts with `every_loss` have them."""

FURTHER_OTHERS = (
    Story(FEE_REMEASURED, 200, until=150),
    Story(FEE_REPACKAGED, 540, until=45),
    Story(_RETURN, 64, 1, "topped_up"),
    Story(_RETURN, 80, 1, "reversed_returned"),
    Story(_RETURN, 71, 1, "rebooked_as_sellable"),
    Story(_RETURN, 65, 1, "other_label"),
)
FURTHER_OUTSIDE_THEIR_WINDOW = (
    Story(_LOST, 200, 1, "reversed_unfound"),
    Story(_LOST, 26, 1, "reversed_unfound"),
    Story(_RETURN, 110, 1, "underpaid"),
)


def stories_by_sku(*, skus: int, claims: bool, every_loss: bool) -> dict[int, list[Story]]:
    """SKU index -> stories; warehouse stories each get a SKU of their own while SKUs last.

    So do wrong fees: an order of such a SKU that is refunded would be worth another sum.
    """
    planted = [*(CLAIMABLE if claims else ()), *OTHERS]
    if claims:
        planted += OPEN_LOSSES_OUTSIDE_THEIR_WINDOW
    if every_loss:
        further = list(FURTHER_OTHERS)
        if claims:
            further += FURTHER_CLAIMABLE + FURTHER_OUTSIDE_THEIR_WINDOW
        planted += sorted(further, key=lambda story: not story.kind.startswith("fee_"))
    found: dict[int, list[Story]] = {}
    for place, story in enumerate(one for one in planted if one.kind in _WAREHOUSE):
        found.setdefault(place % skus, []).append(story)
    for place, story in enumerate(one for one in planted if one.kind not in _WAREHOUSE):
        found.setdefault((place * 7 + 3) % skus, []).append(story)
    return found
