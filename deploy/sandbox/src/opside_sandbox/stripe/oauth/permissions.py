"""What a key may do: an account's own key everything there, a token what its scope allows."""

from opside_sandbox.stripe import keys
from opside_sandbox.stripe.errors import StripeError, unauthorized
from opside_sandbox.stripe.oauth import grants, people
from opside_sandbox.stripe.world import World


def account_of_key(world: World, key: str, *, writes: bool) -> str | None:
    """The account that the key was issued for; None for the platform's keys.

    Raises StripeError: 401 for a key that was taken back, 403 for writing with a read-only one.
    """
    row = people.key_row(world, key)
    if row is None:
        return None
    if row["revoked"]:
        raise unauthorized(f"Expired API Key provided: {keys.masked(key)}", code="api_key_expired")
    if writes and row["scope"] == people.READ_ONLY:
        raise _not_allowed(key, row["account"])
    return str(row["account"])


def check_scope(world: World, account_id: str, key: str, *, writes: bool) -> None:
    """The platform's own key in a person's account: within the scope that he granted.

    Raises StripeError: 403.
    """
    if writes and grants.granted_scope(world, account_id) == people.READ_ONLY:
        raise _not_allowed(key, account_id)


def _not_allowed(key: str, account_id: str) -> StripeError:
    error = StripeError(
        403,
        f"The provided key '{keys.masked(key)}' does not have the required permissions for this "
        f"endpoint on account '{account_id}'.",
    )
    error.saved = False
    return error
