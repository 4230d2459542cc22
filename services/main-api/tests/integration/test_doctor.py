"""Each point of the doctor that main-api alone sees: green once, red once."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fakes.neighbour import Neighbour, neighbour
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from main_api.doctor import MainPoints
from main_api.sessions import cookies
from main_api.settings import Settings
from opside_chassis.doctor import Finding, Verdict, examine
from opside_chassis.testing.plugin import Signing

NOBODY = "http://127.0.0.1:9"
GUARDED = 400


@pytest_asyncio.fixture(loop_scope="session")
async def around() -> AsyncIterator[Neighbour]:
    """main-api itself, stripe-payments and Amazon, as the doctor meets them."""
    async with neighbour() as made:
        made.answer = answer_well(made)
        yield made


def answer_well(made: Neighbour, *, charge: int = GUARDED) -> Any:
    async def answer(request: Request) -> Response:
        if request.url.path == "/api/auth/amazon/start":
            leading = RedirectResponse(f"{made.url}/ap/oa", 302)
            cookies.set_cookie(leading, cookies.BROWSER_COOKIE, "x", lifetime_seconds=60)
            return leading
        if request.url.path == "/api/v1/stripe/charge-commission":
            return JSONResponse({}, charge)
        return JSONResponse({}, 404)

    return answer


def settings_of(signing: Signing, around: Neighbour, archive: Path, **changes: Any) -> Settings:
    own = signing.service("main-api")
    seed = base64.urlsafe_b64encode(own.private.private_bytes_raw()).decode()
    values = {
        "environment": "test",
        "database_url": "postgresql://main_api_app:unused@127.0.0.1:9/opside",
        "redis_url": "redis://127.0.0.1:9/0",
        "service_key_id": own.kid,
        "service_private_key": seed,
        "service_public_keys": [],
        "amazon_login_client_id": "client",
        "amazon_login_client_secret": "a-secret-of-the-tests-" + "only",
        "evidence_archive_url": str(archive),
        "main_api_url": around.url,
        "payments_url": around.url,
        "amazon_login_url": around.url,
        "amazon_api_url": around.url,
        "mail_url": around.url.replace("http:", "smtp:"),
    }
    return Settings(**(values | changes))


async def seen(settings: Settings) -> dict[str, Finding]:
    findings = await examine("main-api", MainPoints(settings).points())
    return {finding.point: finding for finding in findings}


async def test_a_good_installation_is_green(
    signing: Signing, around: Neighbour, tmp_path: Path
) -> None:
    found = await seen(settings_of(signing, around, tmp_path))
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}, found
    charge = next(body for asked, body in around.asked if asked.url.path.endswith("commission"))
    assert json.loads(charge)["userId"] == "usr_doctor"
    assert not any("idempotency-key" in asked.headers for asked, _ in around.asked)


@pytest.mark.parametrize(
    ("point", "broken", "verdict"),
    [
        ("sign-in with Amazon starts", {"amazon_login_url": "https://other.example"}, "wrong"),
        ("sign-in with Amazon starts", {"main_api_url": NOBODY}, "wrong"),
        ("cookies", {"main_api_url": NOBODY}, "wrong"),
        ("Login with Amazon answers", {"amazon_api_url": NOBODY}, "wrong"),
        ("mail server", {"mail_url": "smtp://127.0.0.1:9"}, "wrong"),
        ("mail server", {"mail_url": "file:/tmp/letters"}, "wrong"),
        ("mail server", {"mail_url": ""}, "cannot tell"),
        ("archive of documents", {"evidence_archive_url": "/proc/none"}, "wrong"),
        ("charges want an idempotency key", {"payments_url": NOBODY}, "wrong"),
    ],
)
async def test_what_is_broken_is_not_green(
    signing: Signing,
    around: Neighbour,
    tmp_path: Path,
    point: str,
    broken: dict[str, Any],
    verdict: str,
) -> None:
    found = (await seen(settings_of(signing, around, tmp_path, **broken)))[point]
    assert (found.verdict, bool(found.mend)) == (verdict, True)


@pytest.mark.parametrize("charge", [202, 401, 403, 422])
async def test_a_charge_that_is_not_refused_for_its_key_is_red(
    signing: Signing, around: Neighbour, tmp_path: Path, charge: int
) -> None:
    around.answer = answer_well(around, charge=charge)
    found = await seen(settings_of(signing, around, tmp_path))
    assert found["charges want an idempotency key"].verdict is Verdict.WRONG


@pytest.mark.parametrize(
    "cookie",
    [
        "__Host-a=1; Secure; SameSite=lax",
        "__Host-a=1; HttpOnly; SameSite=lax",
        "__Host-a=1; HttpOnly; Secure",
        "a=1; HttpOnly; Secure; SameSite=lax",
    ],
)
async def test_a_cookie_that_is_not_guarded_is_red(
    signing: Signing, around: Neighbour, tmp_path: Path, cookie: str
) -> None:
    async def careless(_request: Request) -> Response:
        return Response(status_code=302, headers={"location": around.url, "set-cookie": cookie})

    around.answer = careless
    found = await seen(settings_of(signing, around, tmp_path))
    assert found["cookies"].verdict is Verdict.WRONG
