"""A database with one row of everything, and an attacker who holds the application's password."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from sqlalchemy import make_url

from opside_chassis.testing.plugin import MigratedDatabase

REFUSALS = {
    "42501",  # no right, row security, or a trigger that asks who moves
    "23502",
    "23503",
    "23505",
    "23514",  # checks, and triggers that ask what is changed
}
"""SQL states of a refusal; a typing error in a statement has another one."""

_COMMISSION = (
    "INSERT INTO commissions (id, user_id, claim_id, recovery_id, amount_minor, currency, rate_bp,"
    " fee_minor, share_minor, collection, charge_minor, state, deadline_at, intent_id, charge_id,"
    " collected_minor, transferred_minor, transfer_id, taken_back_minor, credited_minor,"
    " fee_credited_minor, reversed_minor, refunded_minor)"
    " VALUES ('{id}', 'usr_a', '{id}', 'r', 10000, 'usd', 2000, 2000, 8000, 'gross', 10000, '{state}',"
    " {rest})"
)
SCENE = (
    _COMMISSION.format(
        id="txn_open", state="accepted", rest="now(), NULL, NULL, 0, 0, NULL, 0, 0, 0, 0, 0"
    ),
    _COMMISSION.format(
        id="txn_failed", state="failed", rest="NULL, 'pi_2', NULL, 0, 0, NULL, 0, 0, 0, 0, 0"
    ),
    _COMMISSION.format(
        id="txn_charged",
        state="charged",
        rest="now(), 'pi_3', 'ch_3', 10000, 0, NULL, 0, 0, 0, 0, 0",
    ),
    # Half of it was taken back, and given back.
    _COMMISSION.format(
        id="txn_done",
        state="settled",
        rest="NULL, 'pi_1', 'ch_1', 10000, 8000, 'tr_1', 5000, 5000, 1000, 4000, 5000",
    ),
    "INSERT INTO clawbacks (id, user_id, commission_id, reversal_id, reason, requested_by,"
    " taken_back_minor, fee_back_minor, reverse_minor, refund_minor, state, transfer_reversal_id,"
    " refund_id) VALUES ('clw_done', 'usr_a', 'txn_done', 'rev_1', '', '', 5000, 1000, 4000, 5000,"
    " 'succeeded', 'trr_1', 're_1')",
    "INSERT INTO clawbacks (id, user_id, commission_id, reversal_id, reason, requested_by,"
    " taken_back_minor, state) VALUES"
    " ('clw_asked', 'usr_a', 'txn_charged', 'rev_2', '', '', 100, 'requested'),"
    " ('clw_blocked', 'usr_a', 'txn_charged', 'rev_3', '', '', 100, 'blocked')",
    "INSERT INTO journals (id, kind, effect, commission_id, transaction_number)"
    " VALUES ('jrn_1', 'charge', 'ch_1', 'txn_done', 1)",
    "INSERT INTO postings VALUES ('jrn_1', 1, 'asset:stripe_balance', 'usd', 10000),"
    " ('jrn_1', 2, 'revenue:commission', 'usd', -2000),"
    " ('jrn_1', 3, 'liability:seller_share', 'usd', -8000)",
    "INSERT INTO transaction_audit (object_id, user_id, version, to_state, figures, actor,"
    " previous_hash, hash) VALUES ('txn_done', 'usr_a', 1, 'accepted', '{}', 'x', '', 'h')",
    "INSERT INTO outbox (id, kind, payload, tenant, dedupe_key) VALUES"
    " ('obx_1', 'transfer_share', '{\"commissionId\": \"txn_charged\"}', 'usr_a', 'once')",
    "INSERT INTO inbox (id, source, event_id, type, payload, status) VALUES"
    " ('inb_1', 'stripe', 'evt_1', 'charge.succeeded', '{}', 'applied'),"
    " ('inb_2', 'stripe', 'evt_2', 'charge.failed', '{}', 'received')",
    "INSERT INTO idempotency_keys (caller, route, key, fingerprint, status_code, body, resource_id,"
    " created_at) VALUES ('main-api', 'r', 'young', 'f', 202, '{}', 'txn_done', now()),"
    " ('main-api', 'r', 'open', 'f', 202, '{}', 'txn_open', now() - interval '90 days')",
    "INSERT INTO used_token_ids VALUES ('main-api', 'live', now() + interval '1 minute')",
    "INSERT INTO stripe_customers (user_id, customer_id, payment_method_id)"
    " VALUES ('usr_a', 'cus_a', 'pm_a')",
    "INSERT INTO stripe_accounts (user_id, account_id, country) VALUES ('usr_a', 'acct_a', 'US')",
    "INSERT INTO stripe_subscriptions (id, user_id, customer_id, price_id, subscription_id, status)"
    " VALUES ('sbn_live', 'usr_a', 'cus_a', 'price_1', 'sub_1', 'active'),"
    " ('sbn_over', 'usr_a', 'cus_a', 'price_2', 'sub_2', 'canceled')",
    "INSERT INTO stripe_invoices (id, user_id, customer_id, status, currency, total_minor,"
    " amount_due_minor, amount_paid_minor) VALUES ('in_paid', 'usr_a', 'cus_a', 'paid', 'usd', 900,"
    " 900, 900), ('in_open', 'usr_a', 'cus_a', 'open', 'usd', 900, 900, 0)",
    "INSERT INTO cases (id, kind, reference, reason) VALUES ('hum_1', 'k', 'txn_done', 'why')",
    "INSERT INTO breaks (id, reference, currency, cause, ours_minor, theirs_minor)"
    " VALUES ('brk_open', 'po_1', 'usd', '', 0, 5)",
    "INSERT INTO breaks (id, reference, currency, cause, ours_minor, theirs_minor, closed_at,"
    " closed_by) VALUES ('brk_closed', 'po_2', 'usd', '', 0, 5, now(), 'usr_admin')",
)


@asynccontextmanager
async def set_scene(server_url: str, template: MigratedDatabase) -> AsyncIterator[MigratedDatabase]:
    """A database with those rows, written past the triggers; constraints still hold."""
    name = f"opside_scene_{secrets.token_hex(6)}"
    server = await asyncpg.connect(server_url)
    await server.execute(f"CREATE DATABASE {name} TEMPLATE {make_url(template.admin_url).database}")
    url = make_url(template.admin_url).set(database=name)
    made = MigratedDatabase(url.render_as_string(hide_password=False), template.schema)
    administrator = await asyncpg.connect(
        made.admin_url,
        server_settings={"search_path": "payments", "session_replication_role": "replica"},
    )
    for statement in SCENE:
        await administrator.execute(statement)
    await administrator.close()
    yield made
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


@dataclass(frozen=True)
class Attacker:
    """A connection of the login role, or of the tables' owner."""

    connection: "asyncpg.Connection[asyncpg.Record]"

    async def tries(self, statement: str, *, role: str | None, tenant: str = "*") -> str | None:
        """Run it to the end of its transaction, then undo it; the SQL state of the refusal."""
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            if role is not None:
                await self.connection.execute(f"SET LOCAL ROLE {role}")
            await self.connection.execute("SELECT set_config('opside.tenant', $1, true)", tenant)
            await self.connection.execute(statement)
            # What is checked at commit.
            await self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except asyncpg.PostgresError as refused:
            return refused.sqlstate
        finally:
            await transaction.rollback()
        return None
