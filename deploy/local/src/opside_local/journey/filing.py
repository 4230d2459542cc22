"""A person files claims at Seller Central and tells Opside the case numbers (ruling R14)."""

from collections.abc import Iterator, Mapping
from typing import Any

from opside_local.journey.browser import Browser
from opside_local.journey.errors import JourneyFailed
from opside_local.journey.listing import everything
from opside_local.journey.waiting import until

Case = Mapping[str, Any]


async def enter_costs(browser: Browser, amazon_url: str) -> int:
    """Copy the seller's own sourcing costs into Opside; how many there are. Safe to repeat."""
    costs = await browser.read(f"{amazon_url}/seller-central/sourcing-costs")
    await browser.send("PUT", "/api/costs", body=costs)
    return len(costs)


async def file_cases(browser: Browser, amazon_url: str, *, most: int | None = None) -> int:
    """File every open case, or so many of them at most; how many were filed now.

    A claim that Amazon has already (filed before an interruption) is not filed again: its number
    is only told to Opside.
    """
    open_cases = await everything(browser, "/api/cases", status="open")
    known = {case["amazonCaseId"] for case in await everything(browser, "/api/cases")}
    untold = [
        case for case in await amazon_cases(browser, amazon_url) if case["caseId"] not in known
    ]
    filed = 0
    for case in open_cases[:most]:
        at_amazon = next(_matching(case, untold), None)
        if at_amazon is None:
            at_amazon = await _file(browser, amazon_url, case)
            filed += 1
        else:
            untold.remove(at_amazon)
        told = {"amazonCaseId": at_amazon["caseId"]}
        await browser.send("POST", f"/api/cases/{case['caseId']}/filed", body=told)
    return filed


async def amazon_cases(browser: Browser, amazon_url: str) -> list[dict[str, Any]]:
    """The seller's case log at Amazon."""
    log: dict[str, list[dict[str, Any]]] = await browser.read(f"{amazon_url}/seller-central/cases")
    return log["cases"]


async def wait_for_decisions(browser: Browser, amazon_url: str) -> list[dict[str, Any]]:
    """Amazon's decisions on all filed cases, once it has decided them."""
    return await until(
        lambda: amazon_cases(browser, amazon_url),
        done=lambda cases: all(case["status"] == "closed" for case in cases),
        what="Amazon's decisions",
    )


def _form(case: Case) -> dict[str, str]:
    """What a person types into Amazon's form, off the case that Opside shows."""
    return {
        "claimType": case["claimType"],
        "fnsku": case["fnsku"],
        "msku": case["sku"],
        "orderId": case["orderId"],
        "referenceId": case["referenceId"],
        "quantity": str(case["quantity"]),
    }


def _matching(case: Case, at_amazon: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    typed = _form(case)
    for one in at_amazon:
        if all(str(one[name]) == text for name, text in typed.items()):
            yield one


async def _file(browser: Browser, amazon_url: str, case: Case) -> dict[str, Any]:
    page = await browser.open(f"{amazon_url}/seller-central/cases")
    form = page.form(offering="claimType")
    answer: dict[str, Any] = await browser.answer_to(form, **_form(case))
    if "caseId" not in answer:
        raise JourneyFailed(f"Amazon did not take the claim {_form(case)}: {answer}")
    return answer
