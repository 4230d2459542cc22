"""What we read from settlement files beside what is known to be in them: exact, no tolerance."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

Document = Mapping[str, Any]


def differences(found: Sequence[Document], truth: Sequence[Document]) -> list[str]:
    """Every difference as a sentence; none when all is equal."""
    read = {file["name"]: file for file in found}
    wrong = [f"{one['file']}: was not read" for one in truth if one["file"] not in read]
    for one in truth:
        if one["file"] in read:
            wrong += [f"{one['file']}: {line}" for line in _of_file(read[one["file"]], one)]
    return wrong


def _of_file(file: Document, truth: Document) -> Iterator[str]:
    summary = file["settlement"]
    if summary is None:
        yield f"was read as {file['reportType']}, not as a settlement"
        return
    pairs = {
        "rows": (file["rows"], truth["rows_with_totals_row"]),
        "rows kept aside": (file["rejected"], 0),
        "currency": (summary["currency"].upper(), truth["currency"].upper()),
        "total": (Decimal(summary["totalAmount"]), Decimal(truth["total_amount"])),
        "sum of the rows": (summary["addsUp"], True),
    }
    yield from _unequal(pairs)
    yield from _unequal(_net_sums(summary, truth))
    for kind, ours, theirs in (
        ("refund", _our_refund, _true_refund),
        ("reimbursement", _our_reimbursement, _true_reimbursement),
    ):
        yield from _lists(
            kind,
            Counter(ours(line) for line in summary[f"{kind}s"]),
            Counter(theirs(line) for line in truth[f"{kind}s"]),
        )


def _unequal(pairs: Mapping[str, tuple[object, object]]) -> Iterator[str]:
    for name, (ours, true) in pairs.items():
        if ours != true:
            yield f"{name} is {ours}, should be {true}"


def _net_sums(summary: Document, truth: Document) -> dict[str, tuple[object, object]]:
    ours = {
        line["transactionType"]: (line["rows"], Decimal(line["net"]))
        for line in summary["netByType"]
    }
    theirs = {
        name: (one["rows"], Decimal(one["net"]))
        for name, one in truth["net_by_transaction_type"].items()
    }
    names = sorted({*ours, *theirs})
    return {f"(rows, net) of {name}": (ours.get(name), theirs.get(name)) for name in names}


def _lists(
    kind: str, ours: Counter[tuple[object, ...]], theirs: Counter[tuple[object, ...]]
) -> Iterator[str]:
    for line in theirs - ours:
        yield f"{kind} {_words(line)} was not found"
    for line in ours - theirs:
        yield f"{kind} {_words(line)} is not in the file"


def _words(line: tuple[object, ...]) -> str:
    return " ".join(str(part) for part in line)


def _our_refund(line: Document) -> tuple[object, ...]:
    return (*_shared(line, "orderId", "adjustmentId"), line["rows"], *_amounts(line, "principal"))


def _true_refund(line: Document) -> tuple[object, ...]:
    return (
        *_shared(line, "order_id", "adjustment_id"),
        line["rows"],
        *_amounts(line, "principal"),
    )


def _our_reimbursement(line: Document) -> tuple[object, ...]:
    shared = _shared(line, "orderId", "adjustmentId")
    return (line["transactionType"], *shared, line["quantity"], Decimal(line["net"]))


def _true_reimbursement(line: Document) -> tuple[object, ...]:
    shared = _shared(line, "order_id", "adjustment_id")
    return (line["type"], *shared, int(line["quantity"]), Decimal(line["amount"]))


def _shared(line: Document, order: str, adjustment: str) -> tuple[object, ...]:
    return (datetime.fromisoformat(line["posted"]), line[order], line[adjustment], line["sku"])


def _amounts(line: Document, *names: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(line[name]) for name in (*names, "net"))
