"""Links into the onboarding page, and login links for accounts that have been through it."""

from urllib.parse import urlsplit

from opside_sandbox.stripe import accounts
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.fields import one_of, record, text
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World

LINK_SECONDS = 300
LINKS = "stripe.account_link"


def _create(world: World, ask: Ask) -> Document:
    account = accounts.known(world, ask.params["account"])
    for name in ("refresh_url", "return_url"):
        _check_url(name, ask.get(name))
    if ask.params["type"] == "account_update":
        raise invalid(
            "You cannot create `account_update` type Account Links for this account.", param="type"
        )
    token = world.state.token("account_link", 12)
    now = world.now()
    world.state.store.put(
        LINKS,
        token,
        {
            "id": token,
            "account": account["id"],
            "refresh_url": ask.params["refresh_url"],
            "return_url": ask.params["return_url"],
            "expires_at": now + LINK_SECONDS,
            "visited": False,
        },
    )
    return {
        "object": "account_link",
        "created": now,
        "expires_at": now + LINK_SECONDS,
        "url": f"{ask.base_url}/setup/s/{account['id']}/{token}",
    }


def _check_url(name: str, url: str | None) -> None:
    if url is None:
        raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise invalid("Not a valid URL", param=name, code="url_invalid")


def _login_link(world: World, ask: Ask) -> Document:
    account = accounts.known(world, ask.path["account"])
    if not account["details_submitted"]:
        raise invalid(
            "Cannot create a login link for an account that has not completed onboarding."
        )
    token = world.state.token("login_link", 12)
    return {
        "object": "login_link",
        "created": world.now(),
        "url": f"{ask.base_url}/express/{account['id']}/{token}",
    }


OPERATIONS = [
    Operation(
        "POST",
        "/v1/account_links",
        "account_links.create",
        _create,
        fields={
            "account": text,
            "collection_options": record(
                {
                    "fields": one_of("currently_due", "eventually_due"),
                    "future_requirements": one_of("include", "omit"),
                }
            ),
            "collect": one_of("currently_due", "eventually_due"),
            "refresh_url": text,
            "return_url": text,
            "type": one_of("account_onboarding", "account_update"),
        },
        required=("account", "type"),
    ),
    Operation(
        "POST", "/v1/accounts/{account}/login_links", "accounts.login_links.create", _login_link
    ),
]
