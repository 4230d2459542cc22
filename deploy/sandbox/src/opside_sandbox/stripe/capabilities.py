"""Capabilities of a connected account, one by one."""

from opside_sandbox.stripe import accounts
from opside_sandbox.stripe.errors import Document, missing
from opside_sandbox.stripe.fields import boolean
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World


def _name(ask: Ask) -> str:
    name = ask.path["capability"]
    if name not in accounts.CAPABILITIES:
        raise missing("capability", name, param="capability")
    return name


def _retrieve(world: World, ask: Ask) -> Document:
    return accounts.capability(accounts.known(world, ask.path["account"]), _name(ask))


def _update(world: World, ask: Ask) -> Document:
    account, name = accounts.known(world, ask.path["account"]), _name(ask)
    if "requested" in ask.params:
        before = {**account, "capabilities": dict(account["capabilities"])}
        accounts.request_capability(world, account, name, requested=ask.params["requested"])
        accounts.changed(world, account, before)
    return accounts.capability(account, name)


def _list(world: World, ask: Ask) -> Document:
    account = accounts.known(world, ask.path["account"])
    return {
        "object": "list",
        "data": [accounts.capability(account, name) for name in account["capabilities"]],
        "has_more": False,
        "url": f"/v1/accounts/{account['id']}/capabilities",
    }


_ALL = "/v1/accounts/{account}/capabilities"
OPERATIONS = [
    Operation("GET", _ALL, "accounts.capabilities.list", _list),
    Operation("GET", _ALL + "/{capability}", "accounts.capabilities.retrieve", _retrieve),
    Operation(
        "POST",
        _ALL + "/{capability}",
        "accounts.capabilities.update",
        _update,
        fields={"requested": boolean},
    ),
]
