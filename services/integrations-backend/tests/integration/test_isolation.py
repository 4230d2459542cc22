"""Nothing stands outside the isolation: every table of the schema, every WebSocket of the door."""

import asyncpg
import pytest
from fastapi.routing import APIWebSocketRoute, iter_route_contexts
from served import refused, served, start
from service import ADA, BEN, Service
from sqlalchemy import text

from integrations_backend.human_cases import open_case
from integrations_backend.tables import metadata
from opside_chassis import access
from opside_chassis.access import Member
from opside_chassis.database import Database, transaction

SHARED = {
    "alembic_version": "which migrations ran",
    "case_transitions": "the legal moves of a case, the same for everybody",
    "outbox": "jobs: the relay hands out everybody's; they carry ids, and no route reads them",
    "inbox": "events of providers, before it is known whose they are",
}
"""Tables without a tenant, and why they need none."""

_TABLES = """
    SELECT c.relname AS name, c.relrowsecurity AS on_, c.relforcerowsecurity AS forced,
           (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
           pg_get_userbyid(c.relowner) AS owner
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'integrations' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""


async def test_every_table_of_the_schema_is_isolated_or_says_why_not(
    committed_database: Database, owner_connection: asyncpg.Connection
) -> None:
    tables = {row["name"]: row for row in await owner_connection.fetch(_TABLES)}
    assert set(metadata.tables) <= {f"integrations.{name}" for name in tables}
    for name, table in tables.items():
        if name in SHARED:
            continue
        assert (table["on_"], table["forced"]) == (True, True), name
        assert table["policies"] >= 1, name
    async with committed_database.engine.connect() as connection:
        (role,) = await connection.execute(
            text(
                "SELECT current_user AS me, rolsuper, rolbypassrls"
                " FROM pg_roles WHERE rolname = current_user"
            )
        )
    assert (role.rolsuper, role.rolbypassrls) == (False, False)
    assert role.me not in {table["owner"] for table in tables.values()}


async def test_raw_sql_without_a_tenant_sees_no_row_of_any_table(
    service: Service, owner_connection: asyncpg.Connection
) -> None:
    await service.connect(ADA)
    await service.work()
    names = {row["name"] for row in await owner_connection.fetch(_TABLES)} - set(SHARED)
    empty = set()
    for name in sorted(names):
        async with transaction(service.sessions) as session:
            seen = (await session.execute(text(f"SELECT * FROM {name}"))).all()  # noqa: S608
        assert seen == [], name
        await owner_connection.execute("SELECT set_config('opside.tenant', '*', false)")
        if not await owner_connection.fetchval(f"SELECT count(*) FROM integrations.{name}"):  # noqa: S608
            empty.add(name)
        async with transaction(service.sessions, tenant="") as session:
            assert (await session.execute(text(f"SELECT * FROM {name}"))).all() == []  # noqa: S608
    assert {"connections", "oauth_tokens", "sync_jobs", "sync_reports"} <= names - empty


@pytest.mark.parametrize("table", ["sync_jobs", "sync_reports", "oauth_tokens"])
async def test_a_neighbour_neither_changes_nor_removes_a_row(service: Service, table: str) -> None:
    await service.connect(ADA)
    await service.work()
    before = await service.rows(f"SELECT * FROM {table} ORDER BY 1, 2")  # noqa: S608
    async with transaction(service.sessions, tenant=BEN) as session:
        changed = await session.execute(text(f"UPDATE {table} SET user_id = user_id RETURNING 1"))  # noqa: S608
        removed = await session.execute(text(f"DELETE FROM {table} RETURNING 1"))  # noqa: S608
        assert (changed.all(), removed.all()) == ([], [])
    assert await service.rows(f"SELECT * FROM {table} ORDER BY 1, 2") == before  # noqa: S608


async def test_questions_to_our_staff_are_asked_by_all_and_read_by_staff_alone(
    service: Service,
) -> None:
    async with transaction(service.sessions, tenant=ADA) as session:
        await open_case(session, kind="taken", reference=f"A1:{ADA}", reason="ask for proof")
        await open_case(session, kind="taken", reference=f"A1:{ADA}", reason="again")
    async with transaction(service.sessions) as session:
        await open_case(session, kind="broken", reference="A2", reason="look at it")
    for nobody in (None, "", BEN):
        async with transaction(service.sessions, tenant=nobody) as session:
            assert (await session.execute(text("SELECT * FROM human_cases"))).all() == []
            changed = await session.execute(text("UPDATE human_cases SET reason = '' RETURNING 1"))
            assert changed.all() == []
    kept = await service.rows("SELECT kind, reason FROM human_cases ORDER BY kind")
    assert [tuple(one.values()) for one in kept] == [
        ("broken", "look at it"),
        ("taken", "ask for proof"),
    ]


def sockets(service: Service) -> dict[str, APIWebSocketRoute]:
    return {
        str(context.path): context.original_route
        for context in iter_route_contexts(service.app.routes)
        if isinstance(context.original_route, APIWebSocketRoute)
    }


async def test_every_websocket_is_for_members_and_shows_a_neighbour_nothing(
    service: Service,
) -> None:
    known = sockets(service)
    assert set(known) == {f"{form}/sync/progress/{{sync_id}}" for form in ("/api", "/api/v1")}
    for route in known.values():
        assert isinstance(access.declared_access(route), Member)  # type: ignore[arg-type]
    await service.connect(ADA)
    sync_id = await start(service, ADA)
    async with served(service.app) as address:
        for path in known:
            hers = path.replace("{sync_id}", sync_id)
            nobodys = path.replace("{sync_id}", "syn_0")
            assert (await refused(address, hers))[0] == 401
            for stranger in (
                service.gateway_token(BEN),
                service.user_token(BEN),
                service.gateway_token("usr_olga", role="admin"),
            ):
                status, told = await refused(address, hers, stranger)
                nothing, same = await refused(address, nobodys, stranger)
                assert (status, nothing) == (404, 404)
                own = {"instance": "", "requestId": ""}
                assert told | own == same | own
            assert (await refused(address, hers, service.gateway_token(ADA)))[0] == 101
