"""Every route, asked by everybody: the table below says who gets in; a route that is not in it fails."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import pytest_asyncio
from door import INTEGRATIONS, PAYMENTS, Door, Street, bearer, opened, settings_of
from sqlalchemy import text

from main_api.gateway.table import ROUTES
from main_api.sessions.models import BrowserSession
from opside_chassis.access import api_routes, declared_access
from opside_chassis.database import EVERY_TENANT, Database, transaction
from opside_chassis.testing.plugin import Signing

PUBLIC = {
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
    "GET /",
    "GET /api/openapi.json",
    "GET /dashboard",
    "GET /dashboard/page.js",
    "GET /dashboard/page.css",
    "GET /api/auth/amazon/start",
    "GET /api/auth/amazon/appstore",
    "GET /api/auth/amazon/callback",
    "POST /api/auth/refresh",
    "GET /api/filings/calendar.ics",
}
MEMBERS = {
    "GET /api/me",
    "POST /api/account/export",
    "GET /api/account/exports",
    "GET /api/account/exports/{export_id}",
    "GET /api/account/exports/{export_id}/download",
    "POST /api/account/erase",
    "GET /api/account/erasure",
    "DELETE /api/account/erasure",
    "GET /api/auth/csrf",
    "GET /api/auth/sessions",
    "POST /api/auth/logout",
    "DELETE /api/auth/sessions/{session_id}",
    "GET /api/billing/recoveries",
    "GET /api/statements",
    "GET /api/notifications",
    "POST /api/notifications/read",
    "GET /api/notifications/preferences",
    "PUT /api/notifications/preferences",
    "GET /api/statements/{month}",
    "POST /api/billing/recoveries/{recovery_id}/objection",
    "POST /api/evidence",
    "GET /api/evidence",
    "GET /api/evidence/prompts",
    "GET /api/evidence/matches",
    "POST /api/evidence/matches/{match_id}/accept",
    "POST /api/evidence/matches/{match_id}/reject",
    "GET /api/evidence/{evidence_id}",
    "GET /api/evidence/{evidence_id}/file",
    "GET /api/evidence/{evidence_id}/history",
    "POST /api/evidence/{evidence_id}/read",
    "POST /api/evidence/{evidence_id}/matches",
    "PATCH /api/evidence/{evidence_id}/fields",
    "DELETE /api/evidence/{evidence_id}",
    "POST /api/filings",
    "GET /api/filings",
    "GET /api/filings/radar",
    "POST /api/filings/bulk/draft",
    "POST /api/filings/bulk/filed",
    "POST /api/filings/calendar",
    "DELETE /api/filings/calendar",
    "GET /api/filings/{filing_id}",
    "GET /api/filings/{filing_id}/audit",
    "PUT /api/filings/{filing_id}/text",
    "POST /api/filings/{filing_id}/move",
    "POST /api/filings/{filing_id}/filed",
    "POST /api/cases/{case_id}/filed",
    "GET /api/filings/{filing_id}/packet.pdf",
    "GET /api/filings/{filing_id}/packet.zip",
} | {f"{row.method} {row.path}" for row in ROUTES if "user" in row.roles}
ADMINS = {
    "PUT /api/admin/users/{user_id}/collection",
    "GET /api/admin/objections",
    "POST /api/admin/objections/{objection_id}/decision",
} | {f"{row.method} {row.path}" for row in ROUTES if row.roles == ("admin",)}
SERVICES = {"POST /internal/events": "events:publish"}

USERS = {"usr_a": "user", "usr_b": "user", "usr_admin": "admin"}
SERVICE_NAMES = ("main-api", INTEGRATIONS, PAYMENTS)
SCOPES = ("act", "events:publish", "commissions:charge", "consents:start", "books:read")


@dataclass
class World:
    """A door with three people signed in, and every token somebody could come with."""

    door: Door

    def tokens(self) -> dict[str, str]:
        door = self.door
        people = {
            name: door.user_token(name, role=role, session_id=f"ses_{name}")
            for name, role in USERS.items()
        }
        services = {
            f"{name} {scope}": door.service_token(name, scope)
            for name in SERVICE_NAMES
            for scope in SCOPES
        }
        # The gateway's own: it may speak for a user, here as at the other services.
        acting = {"act_for": "usr_a", "act_role": "user"}
        speaking = {f"{n} for usr_a": door.service_token(n, "act", **acting) for n in SERVICE_NAMES}
        return people | services | speaking

    async def ask(self, route: str, token: str | None) -> int:
        method, path = route.split()
        path = path.replace("{month}", "2026-11").replace("{user_id}", "usr_a")
        path = path.replace("{session_id}", "ses_unknown").replace("{", "").replace("}", "")
        headers = bearer(token) if token else {}
        async with self.door.client(headers=headers) as client:
            body = {"json": {}} if method in {"POST", "PUT"} else {}
            return (await client.request(method, path, **body)).status_code


@pytest_asyncio.fixture(loop_scope="session")
async def world(
    committed_database: Database, signing: Signing, street: Street
) -> AsyncIterator[World]:
    made = Door(settings_of(signing, **street.urls()), committed_database, signing)
    async with opened(made) as door:
        await people(door)
        yield World(door)


async def people(door: Door) -> None:
    async with transaction(door.database.sessions, tenant=EVERY_TENANT) as session:
        for name, role in USERS.items():
            await session.execute(
                text("INSERT INTO users VALUES (:id, :id, '', '', :role)"),
                {"id": name, "role": role},
            )
            session.add(
                BrowserSession(
                    id=f"ses_{name}",
                    user_id=name,
                    csrf_token="unused-by-bearer-tokens",
                    user_agent="",
                    expires_at=door.clock.now + timedelta(days=365),
                )
            )


def every_route(door: Door) -> set[str]:
    return {
        f"{method} {route.path}"
        for route in api_routes(door.app)
        for method in route.methods or ()
        if method != "HEAD"
    }


def allowed(route: str, token_name: str) -> bool:
    """Who gets past the door keeper; what he finds inside is the route's business."""
    if route in PUBLIC:
        return True
    if route in SERVICES:
        return token_name in {f"{name} {SERVICES[route]}" for name in (INTEGRATIONS, PAYMENTS)}
    if route in ADMINS:
        return token_name == "usr_admin"
    return token_name in {*USERS, "main-api for usr_a"}


async def test_the_table_knows_every_route(world: World) -> None:
    assert every_route(world.door) == PUBLIC | MEMBERS | ADMINS | set(SERVICES)
    assert all(declared_access(route) is not None for route in api_routes(world.door.app))


async def test_nobody_gets_in_without_a_token(world: World) -> None:
    for route in every_route(world.door) - PUBLIC:
        for token in (None, "nonsense", "a.b.c"):
            assert await world.ask(route, token) == 401, route


async def test_each_caller_gets_where_he_may_and_nowhere_else(world: World) -> None:
    # Signing out ends the session the others of this test need.
    routes = every_route(world.door) - PUBLIC - {"POST /api/auth/logout"}
    for name, token in world.tokens().items():
        answers = await asyncio.gather(*(world.ask(route, token) for route in sorted(routes)))
        for route, status in zip(sorted(routes), answers, strict=True):
            got_in = status not in {401, 403}
            assert got_in == allowed(route, name), f"{name} at {route}: {status}"


async def test_tokens_of_another_audience_or_issuer_are_worth_nothing(world: World) -> None:
    foreign = Signing()  # keys that nobody published, under the names of ours
    stranger = Door(world.door.settings, world.door.database, foreign)
    tokens = [
        stranger.user_token("usr_admin", role="admin", session_id="ses_usr_admin"),
        stranger.service_token(INTEGRATIONS, "events:publish"),
        world.door.runtime.user_tokens.mint(
            audience=PAYMENTS, user_id="usr_admin", role="admin", session_id="ses_usr_admin"
        ),
    ]
    for token in tokens:
        for route in every_route(world.door) - PUBLIC:
            assert await world.ask(route, token) == 401, route


@pytest.mark.parametrize("victim", ["ses_usr_b", "ses_usr_admin"])
async def test_what_is_anothers_does_not_exist(world: World, victim: str) -> None:
    own = bearer(world.tokens()["usr_a"])
    async with world.door.client(headers=own) as client:
        answer = await client.delete(f"/api/auth/sessions/{victim}")
        unknown = await client.delete("/api/auth/sessions/ses_nobody")
        assert answer.status_code == unknown.status_code == 404
        assert answer.json()["detail"] == unknown.json()["detail"]
        assert len((await client.get("/api/auth/sessions")).json()) == 1


async def test_a_claimed_role_is_not_a_role(world: World) -> None:
    liar = world.door.user_token("usr_a", role="admin", session_id="ses_usr_a")
    assert await world.ask("PUT /api/admin/users/{user_id}/collection", liar) == 403
    thief = world.door.user_token("usr_b", session_id="ses_usr_a")
    assert await world.ask("GET /api/me", thief) == 401
