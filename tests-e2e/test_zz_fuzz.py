"""Anything may be sent to any documented route: no answer is a fault of ours, and each is as documented.

Bounded here; `make fuzz` sends FUZZ_EXAMPLES requests a route instead.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from house import tokens_of
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis.errors import Unsatisfiable
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from opside_contracts import scopes
from opside_local.journey.browser import Browser
from opside_local.journey.people import DORA, OLGA
from opside_local.journey.signing_in import sign_in, sign_in_admin
from opside_local.secrets import INTEGRATIONS, MAIN_API, PAYMENTS
from opside_local.system import System

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
AS_DOCUMENTED = (
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
RENEW_AFTER_SECONDS = 300.0
"""Access tokens live twice as long."""
NOBODY_LOOKED = {httpx.codes.UNAUTHORIZED, httpx.codes.TOO_MANY_REQUESTS}
"""Answers given before a route was reached: a run of these would prove nothing."""
ENDS_THE_SESSION = {"POST /api/auth/logout", "POST /api/auth/refresh"}
"""After these the rest of the run would only ever see 401."""
ROUTES_OF = {
    scopes.CHARGE_COMMISSION: "charge-commission",
    scopes.CLAW_BACK_COMMISSION: "clawback",
    scopes.CONNECT_ACCOUNT: "connect",
    scopes.PUBLISH_EVENT: "/internal/",
    scopes.START_CONSENT: "/internal/",
}
"""What a scope opens; the others of that service answer it 403, which its own tests show."""

Headers = Callable[[], dict[str, str]]


def operations(description_url: str, part: str) -> Iterator[Any]:
    schema = schemathesis.openapi.from_url(description_url)
    for result in schema.get_all_operations():
        operation = result.ok()
        name = f"{operation.method.upper()} {operation.path}"
        if part in operation.path and name not in ENDS_THE_SESSION:
            yield operation


def fuzz(
    base_url: str, headers: Headers, *, description: str = "/openapi.json", part: str = "/"
) -> tuple[int, list[str]]:
    """How many requests were sent to paths with this part, and every fault, one line each."""
    sent, faults = 0, []

    def once(case: Any) -> None:
        nonlocal sent
        sent += 1
        answer = case.call(base_url=base_url, headers=headers(), timeout=30)
        assert answer.status_code < 500, f"{answer.status_code} {answer.text[:300]}"
        assert answer.status_code not in NOBODY_LOOKED, answer.text[:300]
        case.validate_response(answer, checks=AS_DOCUMENTED)

    for operation in operations(f"{base_url}{description}", part):
        name = f"{operation.method.upper()} {operation.path}"
        run = examples(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize="FUZZ_EXAMPLES" not in os.environ,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(given(case=operation.as_strategy())(once))
        try:
            run()
        except Unsatisfiable:
            continue
        except (AssertionError, FailureGroup, httpx.HTTPError, OSError) as fault:
            faults.append(f"{name}: {' '.join(str(fault).split())[:600]}")
    return sent, faults


@pytest.mark.parametrize("role", ["user", "admin"])
async def test_the_door_and_all_behind_it(system: System, role: str) -> None:
    async with Browser(system.urls.main_api) as browser:
        if role == "admin":
            await sign_in_admin(browser, OLGA, system)
        else:
            await sign_in(browser, DORA)
        fuzzing = asyncio.create_task(
            asyncio.to_thread(
                fuzz, system.urls.main_api, browser.proof, description="/api/openapi.json"
            )
        )
        while not (await asyncio.wait({fuzzing}, timeout=RENEW_AFTER_SECONDS))[0]:
            await browser.send("POST", "/api/auth/refresh")
        sent, faults = await fuzzing
    assert sent > EXAMPLES
    assert faults == [], "\n".join(faults)


def _scopes(service: str) -> list[tuple[str, str]]:
    return [
        (sender, scope)
        for sender, granted in scopes.GRANTED[service].items()
        for scope in sorted(granted)
    ]


@pytest.mark.parametrize(
    ("service", "sender", "scope"),
    [
        (service, sender, scope)
        for service in (MAIN_API, INTEGRATIONS, PAYMENTS)
        for sender, scope in _scopes(service)
    ],
)
async def test_each_service_from_inside(
    system: System, service: str, sender: str, scope: str
) -> None:
    urls = {
        MAIN_API: system.urls.main_api,
        INTEGRATIONS: system.urls.integrations,
        PAYMENTS: system.urls.payments,
    }
    async with Browser(system.urls.main_api) as browser:
        user_id = str((await sign_in(browser, DORA))["userId"])
    tokens = tokens_of(system, sender)

    def headers() -> dict[str, str]:
        # A token of a money route is good once.
        acting = {"act_for": user_id, "act_role": "user"}
        token = tokens.mint(audience=service, scope=scope, **acting)
        return {"Authorization": f"Bearer {token}"}

    part = ROUTES_OF.get(scope, "/")
    # Of what it passes on, main-api's own description knows only the addresses.
    whole = scope == scopes.ACT_FOR_USER and service == MAIN_API
    description = "/api/openapi.json" if whole else "/openapi.json"
    sent, faults = await asyncio.to_thread(
        fuzz, urls[service], headers, part=part, description=description
    )
    assert sent > 0
    assert faults == [], "\n".join(faults)
