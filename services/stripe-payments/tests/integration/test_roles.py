"""Who may do what, asked of the database itself: every move under every role, every right there is."""

from itertools import product

import asyncpg
import pytest
from factories.commission_bench import GROSS, Bench, ask
from factories.hostile_scene import Attacker
from fakes.stripe_fake import GOOD
from sqlalchemy import text

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.testing.plugin import MigratedDatabase
from stripe_payments.clawbacks.rules import TRANSITIONS as STEPS
from stripe_payments.clawbacks.rules import Step
from stripe_payments.commissions.rules import TRANSITIONS as MOVES
from stripe_payments.commissions.rules import State
from stripe_payments.roles import ADMIN, API, AUDITOR, EVERYBODY, JANITOR, WORKER

LAW = {
    (State.PREPARING, State.READY): {WORKER},
    (State.READY, State.CONFIRMING): {WORKER},
    (State.CONFIRMING, State.CHARGED): {WORKER, JANITOR},
    (State.CONFIRMING, State.UNKNOWN): {WORKER},
    (State.UNKNOWN, State.CHARGED): {WORKER, JANITOR},
    (State.FAILED, State.CONFIRMING): {WORKER},
    (State.ACCEPTED, State.CANCELLED): {JANITOR},
    (State.CHARGED, State.TRANSFERRING): {WORKER},
    (State.TRANSFERRING, State.SETTLED): {WORKER},
    (State.CHARGED, State.REVERSAL_NEEDED): {WORKER},
    (State.REVERSAL_NEEDED, State.REFUNDED): {WORKER, JANITOR},
}
"""Of each family of moves in facts/money-safety.md section 5, one; an admin orders and the worker moves."""


async def movers(sessions: Sessions, table: str) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    async with transaction(sessions) as session:
        for row in await session.execute(text(f"SELECT * FROM {table}")):  # noqa: S608
            found.setdefault((row.from_state, row.to_state), set()).add(row.role)
    return found


async def test_the_movers_are_those_of_the_law(sessions: Sessions) -> None:
    found = await movers(sessions, "commission_transitions")
    assert {move: found[move] for move in LAW} == LAW
    assert set().union(*found.values()) == {WORKER, JANITOR}
    steps = await movers(sessions, "clawback_transitions")
    assert steps[Step.BLOCKED, Step.CREDITED] == {ADMIN}
    assert {step for step, roles in steps.items() if ADMIN in roles} == {
        (Step.BLOCKED, Step.CREDITED)
    }


@pytest.mark.parametrize(
    ("table", "states", "legal", "transitions"),
    [
        ("commissions", State, MOVES, "commission_transitions"),
        ("clawbacks", Step, STEPS, "clawback_transitions"),
    ],
)
async def test_every_move_is_refused_to_everybody_but_its_movers(
    scene: MigratedDatabase,
    sessions: Sessions,
    table: str,
    states: type[State] | type[Step],
    legal: frozenset[tuple[str, str]],
    transitions: str,
) -> None:
    """Asked of the trigger alone, on a table without any other rule, so that no constraint helps it."""
    allowed = await movers(sessions, transitions)
    assert set(allowed) == legal
    everybody = Attacker(await asyncpg.connect(scene.admin_url))
    async with everybody.connection.transaction():
        await everybody.connection.execute(
            f"CREATE TEMP TABLE {table} AS SELECT unnest($1::text[]) AS state", list(states)
        )
        await everybody.connection.execute(
            f"CREATE TRIGGER guard_mover BEFORE UPDATE ON pg_temp.{table} FOR EACH ROW"
            " WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION payments.guard_mover();"
            f"GRANT SELECT, UPDATE ON pg_temp.{table} TO {', '.join(EVERYBODY)}"
        )
        for of, to, role in product(states, states, EVERYBODY):
            change = f"UPDATE pg_temp.{table} SET state = '{to}' WHERE state = '{of}'"  # noqa: S608
            legal_here = of == to or role in allowed.get((of, to), ())
            answer = await everybody.tries(change, role=role)
            assert answer == (None if legal_here else "42501"), (of, to, role)
    await everybody.connection.close()


RIGHTS = """
    SELECT grantee, table_name, privilege_type FROM information_schema.table_privileges
     WHERE table_schema = 'payments' AND grantee <> 'payments_owner'
    UNION SELECT grantee, table_name, privilege_type FROM information_schema.column_privileges
     WHERE table_schema = 'payments' AND grantee <> 'payments_owner'
"""


async def rights(connection: "asyncpg.Connection[asyncpg.Record]") -> set[tuple[str, str, str]]:
    return {tuple(row) for row in await connection.fetch(RIGHTS)}


async def test_the_login_role_and_the_public_have_no_rights(
    owner_connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    assert {role for role, _, _ in await rights(owner_connection)} == set(EVERYBODY)
    public = await owner_connection.fetch(
        "SELECT p.oid::regprocedure FROM pg_proc p"
        " WHERE p.pronamespace = 'payments'::regnamespace"
        " AND has_function_privilege('payments_app', p.oid, 'EXECUTE')"
    )
    assert public == []


async def test_what_a_later_migration_makes_is_nobodys_until_it_says_whose(
    owner_connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    before = await rights(owner_connection)
    await owner_connection.execute("CREATE TABLE payments.later (id int)")
    await owner_connection.execute(
        "CREATE FUNCTION payments.later() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    )
    assert await rights(owner_connection) == before
    assert not await owner_connection.fetchval(
        "SELECT has_function_privilege('payments_app', 'payments.later()', 'EXECUTE')"
    )


async def test_each_duty_has_its_kind_of_rights(
    owner_connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    found = await rights(owner_connection)

    def having(table: str, *privileges: str) -> set[str]:
        return {role for role, of, right in found if of == table and right in privileges}

    changes = ("INSERT", "UPDATE", "DELETE")
    assert having("commissions", "INSERT") == {API}
    assert having("clawbacks", "INSERT") == {API, ADMIN}
    assert having("journals", *changes) == having("postings", *changes) == {WORKER, JANITOR}
    assert having("transaction_audit", *changes) == set()
    assert having("commission_transitions", *changes) == set()
    assert having("idempotency_keys", "DELETE") == {ADMIN}
    assert {right for role, _, right in found if role == AUDITOR} == {"SELECT"}
    assert not {right for _, _, right in found} & {"TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"}
    tables = await owner_connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'payments'"
    )
    assert {row["tablename"] for row in tables} == {of for role, of, _ in found if role == AUDITOR}


async def test_what_runs_as_the_owner_is_safe_to_call(
    owner_connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """No temporary table stands in for one of ours, and nobody calls what only triggers may."""
    rows = await owner_connection.fetch(
        "SELECT proname, proconfig, ARRAY(SELECT r FROM unnest($1::text[]) r"
        " WHERE has_function_privilege(r, oid, 'EXECUTE')) AS callers FROM pg_proc"
        " WHERE pronamespace = 'payments'::regnamespace AND prosecdef",
        list(EVERYBODY),
    )
    callers = {row["proname"]: row["callers"] for row in rows if row["callers"]}
    assert callers == {
        "forget_old_events": [ADMIN],
        "close_dispute": [WORKER],
        "erase_user": [JANITOR],
    }
    assert all(row["proconfig"] == ["search_path=payments, pg_temp"] for row in rows)
    assert rows


TENANT_TABLES = ("commissions", "clawbacks", "stripe_customers", "stripe_accounts")


@pytest.mark.parametrize("role", EVERYBODY)
async def test_tenants_are_kept_apart_under_every_role(
    attacker: Attacker, role: str, owner_connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    readable = {of for name, of, right in await rights(owner_connection) if name == role}
    for table in readable & set(TENANT_TABLES):
        for tenant, seen in (("usr_a", True), ("usr_b", False), ("", False), ("*", True)):
            async with attacker.connection.transaction():
                await attacker.connection.execute(f"SET LOCAL ROLE {role}")
                await attacker.connection.execute(
                    "SELECT set_config('opside.tenant', $1, true)", tenant
                )
                rows = await attacker.connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608
            assert (rows > 0) is seen, (table, tenant)


async def test_the_audit_trail_names_the_role_that_acted(bench: Bench) -> None:
    await bench.save_card(GOOD)
    await ask(bench.api, GROSS)
    await bench.work()
    async with transaction(bench.sessions, tenant=EVERY_TENANT, role=AUDITOR) as session:
        rows = await session.execute(text("SELECT actor FROM transaction_audit ORDER BY id"))
        actors = list(rows.scalars())
    assert actors[0] == f"tests as {API}"
    assert set(actors[1:]) == {f"tests as {WORKER}"}
