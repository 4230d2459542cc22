"""The operator's `service-token`: a worker that reads it from its environment is one user for a minute."""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta

from door import Door, bearer
from fakes.integrations_fake import seller_case
from seller import Seller

from opside_chassis.service_token import ServiceTokens
from opside_contracts import scopes

VARIABLE = "EVIDENCE_MATCHING_SERVICE_JWT"
"""As the source documents call it."""


async def command(door: Door, *arguments: str) -> tuple[int | None, str, str]:
    """Status, output and complaint of the operator's command beside this installation."""
    settings = door.settings
    own = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SERVICE_KEY_ID": settings.service_key_id,
        "SERVICE_PRIVATE_KEY": settings.service_private_key.get_secret_value(),
        "SERVICE_PUBLIC_KEYS": json.dumps(
            [key.model_dump(mode="json") for key in settings.service_public_keys]
        ),
        "AMAZON_LOGIN_CLIENT_ID": settings.amazon_login_client_id,
        "AMAZON_LOGIN_CLIENT_SECRET": settings.amazon_login_client_secret.get_secret_value(),
        "EVIDENCE_ARCHIVE_URL": "unused",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "main_api.commands", "service-token", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **own},
    )
    said, complained = await process.communicate()
    return process.returncode, said.decode().strip(), complained.decode().strip()


def worker(environment: dict[str, str]) -> dict[str, str]:
    """The header of a worker that has the token in its environment."""
    return bearer(environment[VARIABLE])


async def test_a_worker_with_the_token_does_evidence_parsing_and_filings_of_its_user(
    seller: Seller, rival: Seller, door: Door
) -> None:
    seller.integrations.cases["usr_a"] = [seller_case()]
    theirs = await rival.uploaded()
    email, minutes = ("--email", "a@example.com"), ("--ttl-minutes", "1")
    status, token, complaint = await command(door, "--user-id", "usr_a", *email, *minutes)
    assert (status, complaint) == (0, "")
    async with door.client(headers=worker({VARIABLE: token})) as http:
        files = {"file": ("paper.txt", b"Invoice 4711", "text/plain")}
        kept = await http.post("/api/evidence", files=files)
        assert kept.status_code == 201, kept.text
        path = f"/api/evidence/{kept.json()['evidenceId']}"
        assert (await http.post(f"{path}/read")).status_code == 202
        assert (await http.get("/api/evidence/matches")).status_code == 200
        drafted = await http.post("/api/filings", json={"caseId": "cas_1"})
        assert drafted.status_code == 201, drafted.text
        assert (await http.get(f"/api/evidence/{theirs}")).status_code == 404
        assert (await http.get("/api/admin/objections")).status_code == 403
    assert [one["evidenceId"] for one in (await seller.got("/api/evidence"))["items"]] == [
        kept.json()["evidenceId"]
    ]


async def test_after_its_minute_it_is_worth_nothing(seller: Seller, door: Door) -> None:
    past = datetime.now(UTC) - timedelta(minutes=2)
    tokens = ServiceTokens(door.signing.service("main-api"), "main-api", clock=lambda: past)
    old = tokens.mint(audience="main-api", scope=scopes.ACT_FOR_USER, act_for="usr_a")
    async with door.client(headers=worker({VARIABLE: old})) as http:
        assert (await http.get("/api/evidence")).status_code == 401


async def test_a_token_that_would_live_longer_is_not_made(door: Door) -> None:
    status, said, complaint = await command(door, "--user-id", "usr_a", "--ttl-minutes", "15")
    assert (status, said) == (2, "")
    assert "argument --ttl-minutes: invalid choice: 15" in complaint
