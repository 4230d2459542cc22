"""A seller connects his mailbox: his suppliers' invoices value what Amazon lost, and Google forgets us."""

import pytest
from proof import control

from opside_local.journey.browser import Browser, Refused
from opside_local.journey.listing import everything
from opside_local.journey.mailbox import connect_mailbox, wait_for_papers
from opside_local.journey.people import BEN
from opside_local.journey.signing_in import sign_in
from opside_local.journey.syncing import wait_for_sync
from opside_local.journey.waiting import until
from opside_local.system import System


async def test_invoices_in_the_mail_value_lost_stock(system: System) -> None:
    truth = await control(system, "gmail/truth/ben")
    costs = {
        line["sku"]: line["unit_cost_minor"]
        for one in truth["messages"]
        if one["kind"] == "supplier_invoice"
        for line in one["lines"]
    }
    async with Browser(system.urls.main_api) as seller:
        await sign_in(seller, BEN)
        await connect_mailbox(seller, BEN)
        page = await seller.get("/api/gmail/emails", limit="3")
        assert len(page["items"]) == 3
        further = await seller.get("/api/v1/gmail/emails", limit="3", cursor=page["nextCursor"])
        assert not {one["id"] for one in page["items"]} & {one["id"] for one in further["items"]}
        found = await seller.get("/api/gmail/search", query='"packing list"', limit="2")
        assert all("packing list" in one["subject"].lower() for one in found["items"])
        assert found["items"]

        await wait_for_sync(seller)
        state = await wait_for_papers(seller)
        assert (state["waiting"], state["problem"]) == (0, None)
        invoices = await everything(seller, "/api/invoices", status="accepted")
        assert len(invoices) > 40
        whole = await seller.get(f"/api/invoices/{invoices[0]['invoiceId']}")
        assert whole["reading"]["goods"][0]["place"]["box"]
        cases = await until(
            lambda: everything(seller, "/api/cases"),
            done=lambda cases: any(_by_cost(case) for case in cases),
            what="cases valued by invoices",
        )
        valued = [case for case in cases if _by_cost(case)]
        assert len(valued) > 3
        for case in valued:
            cost = costs[case["sku"]]
            assert case["valueCents"] == cost * case["quantity"]

        await seller.send("DELETE", "/api/gmail/disconnect")
        with pytest.raises(Refused, match="not_connected"):
            await seller.get("/api/gmail/emails")
        kept = await everything(seller, "/api/v1/invoices", status="accepted")
        assert len(kept) == len(invoices), "papers that were found stay"


def _by_cost(case: dict[str, object]) -> bool:
    return bool(case.get("mcdeDocId"))
