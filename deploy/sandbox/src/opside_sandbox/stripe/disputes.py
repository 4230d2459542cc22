"""Disputes: the API; what happens to them is in disputing.py."""

from typing import Any

from opside_sandbox.stripe import disputing
from opside_sandbox.stripe.errors import Document, malformed
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import boolean, clearable, metadata, record, text
from opside_sandbox.stripe.listing import CREATED, PAGE, page
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata

_LONGEST_TEXT = 20_000
_LONGEST_EVIDENCE = 150_000


def _known(world: World, ask: Ask) -> Document:
    return world.need("dispute", ask.path["dispute"], param="dispute")


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, _known(world, ask))


def _update(world: World, ask: Ask) -> Document:
    """Evidence is sent to the bank unless `submit` is false."""
    dispute = _known(world, ask)
    before = dict(dispute)
    dispute["metadata"] = merge_metadata(dispute["metadata"], ask.params)
    evidence = ask.get("evidence")
    if evidence is not None or ask.get("submit"):
        disputing.answer(world, dispute, evidence or {}, submit=ask.get("submit", True))
    world.save(dispute)
    if dispute != before:
        emit(world, "charge.dispute.updated", dispute, before=before)
    return shown(world, dispute)


def _close(world: World, ask: Ask) -> Document:
    """Give the dispute up."""
    dispute = _known(world, ask)
    if dispute["status"] != "needs_response":
        raise disputing.closed(dispute)
    disputing.end(world, dispute, "lost")
    return shown(world, dispute)


def _list(world: World, ask: Ask) -> Document:
    return page(world, ask, "dispute", url="/v1/disputes")


def _long_text(value: Any, param: str) -> str:  # noqa: ANN401
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise malformed(f"{param} is a text of up to {_LONGEST_TEXT} characters.", param=param)
    return value


_TEXTS = record(dict.fromkeys(disputing.TEXTS, clearable(_long_text)))


def _evidence(value: Any, param: str) -> Document:  # noqa: ANN401
    given = _TEXTS(value, param)
    if sum(len(one or "") for one in given.values()) > _LONGEST_EVIDENCE:
        raise malformed(
            f"The evidence has up to {_LONGEST_EVIDENCE} characters in all.", param=param
        )
    return dict(given)


_ONE = "/v1/disputes/{dispute}"
OPERATIONS = [
    Operation("GET", _ONE, "disputes.retrieve", _retrieve),
    Operation(
        "POST",
        _ONE,
        "disputes.update",
        _update,
        fields={"evidence": _evidence, "metadata": metadata, "submit": boolean},
    ),
    Operation("POST", _ONE + "/close", "disputes.close", _close),
    Operation(
        "GET",
        "/v1/disputes",
        "disputes.list",
        _list,
        fields={**PAGE, **CREATED, "charge": text, "payment_intent": text},
    ),
]
