"""What the database refuses of a clawback that is done."""

import pytest
from factories.clawback_acts import charged, take_back
from factories.commission_bench import Bench
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from opside_chassis.database import EVERY_TENANT, transaction


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE clawbacks SET taken_back_minor = 1",
        "UPDATE clawbacks SET refund_minor = 1",
        "UPDATE clawbacks SET fee_back_minor = 1",
        "UPDATE clawbacks SET reversal_id = 'other'",
        "UPDATE clawbacks SET commission_id = 'txn_2'",
        "UPDATE clawbacks SET user_id = 'usr_b'",
        "UPDATE clawbacks SET state = 'requested'",
        "UPDATE clawbacks SET state = 'refunding'",
        "UPDATE clawbacks SET state = 'nothing_due'",
        "UPDATE clawbacks SET state = 'nonsense'",
        "UPDATE clawbacks SET refund_id = 're_9'",
        "UPDATE clawbacks SET refund_id = NULL",
        "UPDATE clawbacks SET transfer_reversal_id = 'trr_9'",
        "DELETE FROM clawbacks",
        "INSERT INTO clawbacks (id, user_id, commission_id, reversal_id, reason, requested_by,"
        " taken_back_minor, state) SELECT 'clw_9', user_id, commission_id, 'rev-9', '', '', 1,"
        " 'succeeded' FROM clawbacks",
        "INSERT INTO clawbacks (id, user_id, commission_id, reversal_id, reason, requested_by,"
        " taken_back_minor, state) SELECT 'clw_9', user_id, commission_id, reversal_id, '', '', 1,"
        " 'requested' FROM clawbacks",
        "INSERT INTO clawbacks (id, user_id, commission_id, reversal_id, reason, requested_by,"
        " taken_back_minor, state) SELECT 'clw_9', 'usr_b', commission_id, 'rev-9', '', '', 1,"
        " 'requested' FROM clawbacks",
        "INSERT INTO clawback_transitions VALUES ('succeeded', 'requested')",
        "UPDATE commissions SET taken_back_minor = 4999",
        "UPDATE commissions SET taken_back_minor = 10001",
        "UPDATE commissions SET credited_minor = 5001",
        "UPDATE commissions SET credited_minor = 0, fee_credited_minor = 0",
        "UPDATE commissions SET fee_credited_minor = 2000",
        "UPDATE commissions SET refunded_minor = 5001",
        "UPDATE commissions SET refunded_minor = 4999",
        "UPDATE commissions SET refund_reserved_minor = 1",
        "UPDATE commissions SET refund_reserved_minor = -1",
        "UPDATE commissions SET reversed_minor = 3999",
        "UPDATE commissions SET reversed_minor = 4001",
        "UPDATE commissions SET transferred_minor = 8001",
        "UPDATE commissions SET state = 'refunded'",
        "UPDATE commissions SET state = 'reversal_needed'",
        "SELECT append_audit('txn_1', 'usr_a', 9, 'x', 'y', '{}')",
    ],
)
async def test_the_database_refuses(bench: Bench, statement: str) -> None:
    commission = await charged(bench, gross=True)
    await take_back(bench, commission, 5_000)
    await bench.work()
    with pytest.raises(DBAPIError):
        async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
            await session.execute(text(statement))
