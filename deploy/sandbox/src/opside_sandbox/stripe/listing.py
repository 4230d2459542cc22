"""Lists: newest first, `limit`, `starting_after`, `ending_before`, `created` ranges."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice, takewhile

from opside_sandbox.store import Scalar
from opside_sandbox.stripe.errors import Document, missing
from opside_sandbox.stripe.fields import Fields, Kind, integer, record, text, whole_number
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.world import Ask, World


def _created(value: object, param: str) -> object:
    """A time, or a range of times."""
    if isinstance(value, dict):
        return record(dict.fromkeys(("gt", "gte", "lt", "lte"), integer))(value, param)
    return {"gte": integer(value, param), "lte": integer(value, param)}


PAGE: Fields = {"limit": whole_number(1, 100), "starting_after": text, "ending_before": text}
CREATED: dict[str, Kind] = {"created": _created}
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
}


def page(
    world: World, ask: Ask, kind: str, *, url: str, keep: Callable[[Document], bool] | None = None
) -> Document:
    """One page of a collection; parameters named like a field must equal it."""
    equal: dict[str, Scalar] = {
        name: value
        for name, value in ask.params.items()
        if name not in PAGE and isinstance(value, str)
    }
    known = world.state.store.scan(world.collection(kind), where=equal)
    return page_of(world, ask, known, url=url, keep=keep)


def page_of(
    world: World,
    ask: Ask,
    known: Iterable[Document],
    *,
    url: str,
    keep: Callable[[Document], bool] | None = None,
) -> Document:
    """One page of these objects, which come newest first; reads no more of them than it needs."""
    limit, wanted = ask.get("limit", 10), ask.get("created") or {}

    def chosen(one: Document) -> bool:
        return (
            not one.get("deleted")
            and all(_COMPARE[name](int(one["created"]), value) for name, value in wanted.items())
            and (keep is None or keep(one))
        )

    rows = takewhile(lambda one: not _too_old(one, wanted), _after(known, ask))
    if before := ask.get("ending_before"):
        found = [one for one in _until(rows, before) if chosen(one)]
        data, more = found[-limit:], len(found) > limit
    else:
        found = list(islice((one for one in rows if chosen(one)), limit + 1))
        data, more = found[:limit], len(found) > limit
    return {
        "object": "list",
        "data": [shown(world, one) for one in data],
        "has_more": more,
        "url": url,
    }


def _too_old(document: Document, wanted: Document) -> bool:
    """Nothing further back can be wanted: objects come in the order of their creation."""
    oldest = int(max(wanted.get("gte", 0), wanted.get("gt", 0)))
    return int(document.get("created", oldest)) < oldest


def _after(known: Iterable[Document], ask: Ask) -> Iterator[Document]:
    """What follows the cursor, which may itself no longer match the other parameters."""
    rows, cursor = iter(known), ask.get("starting_after")
    if cursor is not None and not any(one["id"] == cursor for one in rows):
        raise missing("object", cursor, param="starting_after", in_path=False)
    return rows


def _until(rows: Iterable[Document], cursor: str) -> Iterator[Document]:
    for one in rows:
        if one["id"] == cursor:
            return
        yield one
    raise missing("object", cursor, param="ending_before", in_path=False)
