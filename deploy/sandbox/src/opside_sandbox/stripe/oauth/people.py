"""People who had a Stripe account of their own before they met the platform, and their keys."""

from opside_sandbox.stripe.account_shape import build, requirements
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import OWN_ACCOUNTS, Ask, World

KEYS = "stripe.account_keys"
READ_ONLY = "read_only"
READ_WRITE = "read_write"
SCOPES = (READ_ONLY, READ_WRITE)
_SECRET = "sk_" + "test_"  # in two parts, so that no scanner takes it for a key
_PUBLISHABLE = "pk_" + "test_"


def person(world: World, email: str) -> Document:
    """The account of this person, opened now if he had none; `key` is his own secret key."""
    known = world.state.store.find(OWN_ACCOUNTS, email=email)
    if known is not None:
        return known
    account = _standard(world, email)
    row = {
        "id": account["id"],
        "email": email,
        "account": account,
        "key": issue_key(world, account["id"], READ_WRITE),
    }
    return world.state.store.put(OWN_ACCOUNTS, account["id"], row)


def everybody(world: World) -> list[Document]:
    """All people, in the order in which they came."""
    return world.state.store.list(OWN_ACCOUNTS)


def issue_key(world: World, account_id: str, scope: str) -> str:
    """A new secret key that opens this account, and no other."""
    key = _SECRET + world.state.token("account_key", 40)
    row = {"id": key, "account": account_id, "scope": scope, "revoked": False}
    world.state.store.put(KEYS, key, row)
    return key


def key_row(world: World, key: str) -> Document | None:
    """What a key opens; None for a key that is nobody's, which is the platform's."""
    return world.state.store.get(KEYS, key)


def revoke_key(world: World, key: str) -> None:
    """The key opens nothing any more."""
    if (row := key_row(world, key)) is not None:
        world.state.store.put(KEYS, key, {**row, "revoked": True})


def publishable_key(account_id: str) -> str:
    """What a browser may know of the account."""
    return _PUBLISHABLE + account_id.removeprefix("acct_").ljust(24, "0")


def _standard(world: World, email: str) -> Document:
    """A Standard account that has long finished its own set-up."""
    account = build(world, Ask({"email": email, "country": "US"}))
    account.update(
        business_type="company",
        capabilities={"card_payments": "active", "transfers": "active"},
        charges_enabled=True,
        controller={"type": "account"},
        details_submitted=True,
        payouts_enabled=True,
        requirements=requirements([]),
        type="standard",
    )
    account["business_profile"]["name"] = email.partition("@")[0].title()
    account["settings"]["dashboard"]["display_name"] = email.partition("@")[0].title()
    account["_requested_at"] = dict.fromkeys(account["capabilities"], world.now())
    return account
