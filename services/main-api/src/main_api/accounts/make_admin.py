"""Admins are made by command only; no route does it."""

from main_api.accounts import queries
from main_api.accounts.models import User
from opside_chassis.access import ADMIN
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.errors import Conflict, NotFound


async def make_admin(sessions: Sessions, *, user_id: str | None, email: str | None) -> str:
    """Give the user the role admin; answers his id. He has it from his next token on.

    Raises:
        NotFound: nobody with that id or address has signed in yet.
        Conflict: several users have the address; name the id.
    """
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        if user_id is not None:
            found = await queries.user_by_id(session, user_id)
            users: list[User] = [] if found is None else [found]
        else:
            users = await queries.user_by_email(session, email or "")
        if not users:
            raise NotFound("nobody like that has signed in yet: let him sign in once, then repeat")
        if len(users) > 1:
            raise Conflict("several users have this address: name one by --user-id")
        await queries.change_role(session, users[0].id, ADMIN)
        return users[0].id
