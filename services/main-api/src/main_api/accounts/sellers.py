"""Sellers, for work that is done for each of them."""

from main_api.accounts import queries
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_contracts.integrations.messages import ConnectionStatus, Provider


async def connected_sellers(sessions: Sessions) -> list[str]:
    """Users whose selling account is connected, as far as we were told."""
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        return await queries.users_with(
            session, provider=Provider.AMAZON.value, status=ConnectionStatus.CONNECTED.value
        )
