"""`python -m opside_sandbox.amazon.bulk`: a seller of any size as a folder of report files.

The folder can be served by SANDBOX_AMAZON_REPORTS. `truth.jsonl` holds every loss, one a line;
`reason` null means that it may be claimed on the day of `account.json`, by a seller whose costs are
those of `costs.json` (as `PUT /api/costs` takes them; an account without claims has none). Rows
stand in the order of the SKUs, then of time.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import TextIO

from opside_sandbox.amazon.history.costs import cost_of, owe_payments_below_cost
from opside_sandbox.amazon.history.model import History
from opside_sandbox.amazon.history.stream import lives
from opside_sandbox.amazon.personas import Persona, everybody
from opside_sandbox.amazon.reports.dialect import Dialect, dialect_of
from opside_sandbox.amazon.reports.registry import LEDGER_DETAIL, SNAPSHOTS, WRITERS
from opside_sandbox.amazon.reports.settlement_files import SettlementFiles
from opside_sandbox.amazon.truth import facts_of
from opside_sandbox.amazon.view import View
from opside_sandbox.settings import load
from opside_sandbox.state import open_state

_HISTORY_DAYS = 548
_LEFT_OUT = {
    "GET_LEDGER_SUMMARY_VIEW_DATA", "GET_FBA_STORAGE_FEE_CHARGES_DATA",
    "GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_SALES_DATA", "GET_RESERVED_INVENTORY_DATA",
}  # fmt: skip
"""Written with `--everything`, as settlements are: fees can only be looked at with those."""
_ENDLESS = 10**9
_BORN = date(2026, 11, 20)
"""The last day of the history: given, so that the same order has the same bytes tomorrow."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to write: at least `rows` ledger rows of an account like `like`."""

    rows: int
    folder: Path
    seed: str = "opside"
    like: str = "ada"
    born: date = _BORN
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What was written."""

    ledger_rows: int
    skus: int
    claimable: int


class _Files:
    """One open file a report type; the header is written with the first SKU."""

    def __init__(self, stack: ExitStack, order: Order, dialect: Dialect) -> None:
        kinds = [kind for kind in WRITERS if order.everything or kind not in _LEFT_OUT]
        self._dialect = dialect
        self._files: dict[str, TextIO] = {
            kind: stack.enter_context(
                (order.folder / f"{kind}.txt").open("w", encoding=dialect.charset, newline="")
            )
            for kind in kinds
        }
        self._begun = False

    def add(self, view: View) -> int:
        """Append one SKU's rows; answers how many went into the ledger."""
        ledger_rows = 0
        for kind, file in self._files.items():
            lines: Iterator[str] = WRITERS[kind](view)
            header = next(lines)
            if not self._begun:
                file.write(("\ufeff" if self._dialect.byte_order_mark else "") + header)
            rows = list(lines)
            file.write("".join(rows))
            if kind == LEDGER_DETAIL:
                ledger_rows = len(rows)
        self._begun = True
        return ledger_rows


def write(order: Order) -> Written:
    """Write the folder. Memory holds one SKU, whatever the size. Same order, same bytes."""
    order.folder.mkdir(parents=True, exist_ok=True)
    persona = _account(order)
    now = datetime.combine(order.born, clock_time(23, 0), UTC)
    written = skus = claimable = 0
    with ExitStack() as stack:
        files = _Files(stack, order, dialect_of(persona))
        settlements = stack.enter_context(SettlementFiles(order.folder, enabled=order.everything))
        truth = stack.enter_context((order.folder / "truth.jsonl").open("w"))
        costs = stack.enter_context((order.folder / "costs.json").open("w"))
        for history in lives(order.seed, persona, order.born):
            if persona.claims:
                owe_payments_below_cost(history)
                _add_costs(costs, history, first=skus == 0)
            view = View(history, now, now - timedelta(days=_HISTORY_DAYS), now)
            written += files.add(view)
            settlements.add(view)
            claimable += _tell(truth, history)
            skus += 1
            if written >= order.rows:
                break
        costs.write("]\n" if persona.claims else "[]\n")
    _say_whose(order, persona, skus)
    return Written(written, skus, claimable)


def _account(order: Order) -> Persona:
    """An account of the same store, dialect and pace, with as many SKUs as it takes."""
    state = open_state(load({"SANDBOX_SEED": order.seed}))
    try:
        known = everybody(state)[order.like]
    finally:
        state.store.close()
    return replace(known, skus=_ENDLESS, every_loss=True)


def _add_costs(costs: TextIO, history: History, *, first: bool) -> None:
    currency = history.persona.store.currency
    for product in history.products:
        known = cost_of(product, currency=currency, born=history.born)
        costs.write(("[" if first else ",\n") + json.dumps(known))


def _tell(truth: TextIO, history: History) -> int:
    claimable = 0
    for loss in history.losses:
        reason = loss.reason_on(history.born)
        claimable += reason is None
        told = {**facts_of(loss, history.persona.store.currency), "reason": reason}
        truth.write(json.dumps(told, separators=(",", ":")) + "\n")
    return claimable


def _say_whose(order: Order, persona: Persona, skus: int) -> None:
    account = {
        "marketplaceId": persona.store.id,
        "asOf": order.born.isoformat(),
        "seed": order.seed,
        "skus": skus,
        "snapshots": sorted(SNAPSHOTS),
    }
    (order.folder / "account.json").write_text(json.dumps(account, indent=2) + "\n")


def main() -> None:
    """Write a folder and print how fast it went."""
    parser = argparse.ArgumentParser(prog="python -m opside_sandbox.amazon.bulk")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000, help="ledger rows, at least")
    parser.add_argument("--seed", default="opside")
    parser.add_argument("--like", default="ada", help="a persona: its store, dialect and pace")
    parser.add_argument("--born", type=date.fromisoformat, default=_BORN, help="last day")
    parser.add_argument("--everything", action="store_true", help="settlements and sales too")
    given = parser.parse_args()
    begun, worked = time.monotonic(), time.process_time()
    done = write(
        Order(given.rows, given.folder, given.seed, given.like, given.born, given.everything)
    )
    seconds, worked = time.monotonic() - begun, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{done.ledger_rows} ledger rows of {done.skus} SKUs, {done.claimable} claimable losses: "
        f"{seconds:.1f} s ({worked:.1f} s of processor time), "
        f"{done.ledger_rows / seconds:.0f} rows/s, peak memory {peak:.0f} MiB\n"
    )


if __name__ == "__main__":
    main()
