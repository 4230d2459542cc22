"""What people allowed the platform: codes, the tokens that came of them, and their end."""

from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.oauth import people
from opside_sandbox.stripe.world import OWN_ACCOUNTS, World, is_own_account

CODES = "stripe.oauth_codes"
REFRESH_TOKENS = "stripe.oauth_refresh_tokens"
CODE_SECONDS = 300
_REFRESH = "rt_"


class OAuthError(Exception):
    """An answer in the shape of OAuth, which is not that of Stripe's API.

    `keeps_effects`: what the request did before it was refused stays done.
    """

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status
        self.keeps_effects = False


def new_code(world: World, account_id: str, scope: str) -> str:
    """A code for the redirect back: good once, for five minutes."""
    code = "ac_" + world.state.token("oauth_code", 32)
    row = {
        "id": code,
        "account": account_id,
        "scope": scope,
        "expires_at": world.now() + CODE_SECONDS,
        "used": False,
    }
    world.state.store.put(CODES, code, row)
    return code


def spend_code(world: World, code: str) -> Document:
    """Tokens for a code. One that comes twice takes away what the first one brought."""
    row = world.state.store.get(CODES, code)
    if row is None:
        raise OAuthError("invalid_grant", f"Authorization code does not exist: {code}")
    if row["used"]:
        end(world, row["account"])
        refusal = OAuthError(
            "invalid_grant",
            "This authorization code has already been used. All tokens issued with this code "
            "have been revoked.",
        )
        refusal.keeps_effects = True
        raise refusal
    if row["expires_at"] <= world.now():
        raise OAuthError("invalid_grant", f"Authorization code expired: {code}")
    world.state.store.put(CODES, code, {**row, "used": True})
    person = world.state.store.get(OWN_ACCOUNTS, row["account"])
    if person is None:
        raise OAuthError("invalid_grant", f"Authorization code does not exist: {code}")
    if connected(world, row["account"]) is None:
        world.at(None).save(person["account"])
        emit(world.at(row["account"]), "account.application.authorized", _application(world))
    return _tokens(world, row["account"], row["scope"])


def refresh(world: World, refresh_token: str, scope: str | None) -> Document:
    """Fresh tokens; the refresh token that was used is spent. A scope can only be narrowed."""
    row = world.state.store.get(REFRESH_TOKENS, refresh_token)
    if row is None or row["revoked"]:
        raise OAuthError("invalid_grant", f"Refresh token does not exist: {refresh_token}")
    if scope == people.READ_WRITE and row["scope"] == people.READ_ONLY:
        raise OAuthError(
            "invalid_scope", "The requested scope exceeds the scope of the refresh token"
        )
    world.state.store.put(REFRESH_TOKENS, refresh_token, {**row, "revoked": True})
    return _tokens(world, row["account"], scope or row["scope"])


def connected(world: World, account_id: str) -> Document | None:
    """The account, if it is a person's that is connected to the platform now."""
    if not is_own_account(world, account_id):
        return None
    return world.at(None).get("account", account_id)


def granted_scope(world: World, account_id: str) -> str | None:
    """What the person allows the platform now; None for accounts that are no person's own."""
    newest = world.state.store.find(REFRESH_TOKENS, account=account_id, revoked=False)
    return None if newest is None else str(newest["scope"])


def end(world: World, account_id: str) -> bool:
    """The platform and the account part, whoever wanted it; False when they were not connected."""
    if connected(world, account_id) is None:
        return False
    emit(world.at(account_id), "account.application.deauthorized", _application(world))
    world.state.store.delete(world.at(None).collection("account"), account_id)
    for row in world.state.store.list(REFRESH_TOKENS, account=account_id):
        world.state.store.put(REFRESH_TOKENS, row["id"], {**row, "revoked": True})
        people.revoke_key(world, row["access_token"])
    return True


def _tokens(world: World, account_id: str, scope: str) -> Document:
    access_token = people.issue_key(world, account_id, scope)
    refresh_token = _REFRESH + world.state.token("oauth_refresh_token", 48)
    row = {
        "id": refresh_token,
        "account": account_id,
        "scope": scope,
        "access_token": access_token,
        "revoked": False,
    }
    world.state.store.put(REFRESH_TOKENS, refresh_token, row)
    return {
        "access_token": access_token,
        "livemode": False,
        "refresh_token": refresh_token,
        "scope": scope,
        "stripe_publishable_key": people.publishable_key(account_id),
        "stripe_user_id": account_id,
        "token_type": "bearer",
    }


def _application(world: World) -> Document:
    app = world.state.settings.stripe_connect
    return {"id": app.client_id, "object": "application", "name": "Opside sandbox platform"}
