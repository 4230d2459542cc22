"""The truth of every account, counted again by an independent reader over the API."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from amazon_reader import MANNERS, Manner
from amazon_recount import Rows, recount, told
from amazon_world import SellerApi, World, world


@dataclass
class Account:
    """The books of a seller as the API shows them."""

    seller: SellerApi

    @property
    def manner(self) -> Manner:
        return self.seller.manner

    def report(self, kind: str, /, **options: str) -> Rows:
        return self.seller.report(kind, **options)

    def settlements(self) -> list[Rows]:
        return self.seller.settlements()

    def costs(self) -> dict[str, int]:
        """Nobody has shown Amazon or us what the units cost."""
        return {}

    def short(self) -> Iterator[tuple[str, str, int, int]]:
        asked = {"MarketplaceId": self.manner.marketplace, "QueryType": "SHIPMENT"}
        asked["ShipmentStatusList"] = "CLOSED"
        path = "/fba/inbound/v0/shipments"
        shipments = self.seller.call("GET", path, params=asked).json()["payload"]["ShipmentData"]
        for name in (one["ShipmentId"] for one in shipments):
            items = self.seller.call("GET", f"{path}/{name}/items").json()["payload"]["ItemData"]
            for item in items:
                fnsku = item["FulfillmentNetworkSKU"]
                yield name, fnsku, item["QuantityShipped"], item["QuantityReceived"]


@pytest.fixture(scope="module")
def amazon() -> World:
    return world()


@pytest.mark.parametrize("persona", list(MANNERS))
def test_an_independent_recount_finds_the_truth(amazon, persona):
    seller = amazon.seller(persona)
    today = amazon.state.clock.now().date()
    truth = amazon.control.get(f"/truth/{persona}").json()
    assert recount(Account(seller), today) == told(truth["claimable"])
    kinds = Counter(one["claim_type"] for one in truth["claimable"])
    further = {kind: kinds.pop(kind, 0) for kind in ("fee_overcharge", "underpaid", "reversal")}
    every_loss = persona in {"dieter", "yuki", "chloe"}
    assert kinds.total() == {"dora": 0}.get(persona, 31 if every_loss else 28)
    assert all((count > 0) == every_loss for count in further.values()), further
    reasons = Counter(one["reason"] for one in truth["others"])
    assert reasons["paid_stock"] == 2
    assert set(reasons) >= {"found_later", "paid_cash", "reconciled", "returned", "reversed"}
