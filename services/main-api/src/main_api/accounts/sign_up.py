"""A person who proved to Amazon who he is becomes, or is again, a user of ours."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.accounts import queries
from main_api.accounts.models import User
from opside_chassis.ids import new_id


@dataclass(frozen=True, slots=True)
class Profile:
    """What Login with Amazon tells of a person."""

    amazon_user_id: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """Who signed in, with the role the database gives him now."""

    user_id: str
    role: str


async def sign_up(session: AsyncSession, profile: Profile) -> SignedInUser:
    """The user of an Amazon account; the second sign-in finds the first one's user.

    The caller's transaction sees every tenant: until this answers, nobody knows who the tenant is.
    """
    fresh = User(
        id=new_id("usr"),
        amazon_user_id=profile.amazon_user_id,
        email=profile.email,
        name=profile.name,
    )
    user = await queries.upsert_user(session, fresh)
    return SignedInUser(user.id, user.role)
