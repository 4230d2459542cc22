"""Recompute a statement from its CSV file alone: no database, no service, no trust."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TextIO

from main_api.statements.csv_file import AMOUNTS, COLUMNS, LINE, TOTAL
from opside_chassis.money import Money, share_of

_NO_FEE = "waived"
"""A fee below the smallest charge of its currency is not asked for."""


@dataclass(slots=True)
class Checked:
    """What a file says: lines read, sums in minor units by currency, and what is wrong with it."""

    lines: int = 0
    sums: dict[str, dict[str, int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def check_statement(file: TextIO) -> Checked:
    """Every fee is recomputed from amount and rate, every total from the lines.

    Raises:
        ValueError: the file is no statement.
    """
    reader = csv.DictReader(file)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ValueError("it has not the columns of a statement")
    checked = Checked()
    totals: dict[str, dict[str, int]] = {}
    for number, row in enumerate(reader, start=2):
        try:
            amounts = _amounts(row)
        except ValueError as error:
            checked.faults.append(f"row {number}: {error}")
            continue
        if row["record"] == TOTAL:
            totals[row["currency"]] = amounts
        elif row["record"] == LINE:
            checked.lines += 1
            own = checked.sums.setdefault(row["currency"], dict.fromkeys(AMOUNTS, 0))
            for name in AMOUNTS:
                own[name] += amounts[name]
            checked.faults += [f"row {number}: {fault}" for fault in _line_faults(row, amounts)]
        else:
            checked.faults.append(f"row {number}: is neither a line nor a total")
    checked.faults += _total_faults(checked.sums, totals)
    return checked


def _amounts(row: Mapping[str, str]) -> dict[str, int]:
    return {
        name: Money.from_decimal(row[name] or "?", row["currency"]).amount_minor for name in AMOUNTS
    }


def _line_faults(row: Mapping[str, str], amounts: Mapping[str, int]) -> Iterator[str]:
    charged = row["rate_bp"] != "" and row["status"] != _NO_FEE
    try:
        fee = share_of(amounts["recovered"], int(row["rate_bp"])) if charged else 0
    except ValueError as error:
        yield str(error)
        return
    if amounts["fee"] != fee:
        yield f"the fee is {amounts['fee']}, not {fee} minor units"
    if amounts["collected"] > amounts["recovered"]:
        yield "more was collected than recovered"
    if amounts["transferred"] + amounts["refunded"] > amounts["collected"]:
        yield "more was passed on and given back than collected"
    if not charged and not row["why_no_fee"] and row["status"]:
        yield "it says neither a rate nor why there is no fee"


def _total_faults(
    sums: Mapping[str, Mapping[str, int]], totals: Mapping[str, Mapping[str, int]]
) -> Iterator[str]:
    for currency in sorted(sums.keys() | totals.keys()):
        said, summed = totals.get(currency), sums.get(currency)
        if said is None or summed is None:
            yield f"{currency}: {'no total' if said is None else 'a total without lines'}"
            continue
        for name in AMOUNTS:
            if said[name] != summed[name]:
                yield f"{currency}: {name} is {said[name]}, the lines sum to {summed[name]}"
