"""Real report files of a folder, handed over by upload as a seller would who gives us no access.

make demo REPORTS=<folder>, or python -m opside_local audit <folder>
"""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from opside_local.ground_truth import differences
from opside_local.journey.browser import Browser
from opside_local.journey.people import DORA
from opside_local.journey.signing_in import sign_in
from opside_local.journey.uploading import upload
from opside_local.progress import Progress
from opside_local.system import running

GROUND_TRUTH = "ground_truth.json"
REPORT_SUFFIXES = {".txt", ".tsv", ".csv", ".gz"}


class NoReports(Exception):
    """The folder has nothing to read; the text names the mend."""


def report_files(folder: Path) -> list[Path]:
    """The report files of a folder, by name; raises `NoReports`."""
    if not folder.is_dir():
        raise NoReports(f"REPORTS: {folder} is not a folder; mend: name the folder of the files")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in REPORT_SUFFIXES)
    if not files:
        kinds = ", ".join(sorted(REPORT_SUFFIXES))
        raise NoReports(f"REPORTS: no report file ({kinds}) in {folder}; mend: name another folder")
    return files


async def run(state: Path, folder: Path, console: Console) -> int:
    """Upload, print what was found, compare with the ground truth if the folder has one.

    The exit code: 1 when something differs or could not be read. Raises `NoReports`, `JourneyFailed`, ...
    """
    files = report_files(folder)
    progress = Progress(console)
    progress.heading(f"Auditing {len(files)} report files of {folder}")
    async with (
        running(state, progress=progress) as system,
        Browser(system.urls.main_api) as browser,
    ):
        with progress.step("a seller signs in (no access to his Amazon account)"):
            await sign_in(browser, DORA, connect=False)
        with progress.step("his files are uploaded and read") as step:
            uploaded = await upload(browser, files)
            found = uploaded.files
            step.say(f"{sum(file['rows'] for file in found)} rows")
    for file in found:
        _print_file(file, console)
    for one in uploaded.refused:
        console.print(f"  [red]not read[/] {one['name']}: {one['reason']}", highlight=False)
    truth = folder / GROUND_TRUTH
    if not truth.exists():
        return 1 if uploaded.refused else 0
    return _compare(found, json.loads(truth.read_text(encoding="utf-8")), console)


def _compare(found: list[dict[str, Any]], truth: dict[str, Any], console: Console) -> int:
    wrong = differences(found, truth["files"])
    for line in wrong:
        console.print(f"  [red]differs[/] {line}", highlight=False)
    if wrong:
        console.print(f"\n{len(wrong)} differences from {GROUND_TRUTH}")
        return 1
    console.print(f"\nEqual to {GROUND_TRUTH} to the cent: {len(truth['files'])} files.")
    return 0


def _print_file(file: dict[str, Any], console: Console) -> None:
    kept_aside = f", {file['rejected']} kept aside" if file["rejected"] else ""
    console.print(
        f"\n[bold]{file['name']}[/]  {file['reportType']}, {file['rows']} rows{kept_aside}"
    )
    summary = file["settlement"]
    if summary is None:
        return
    currency = summary["currency"].upper()
    adds_up = "adds up" if summary["addsUp"] else "does NOT add up"
    console.print(f"  total {summary['totalAmount']} {currency}, the sum of its rows {adds_up}")
    table = Table("transaction type", box=None, pad_edge=True)
    table.add_column("rows", justify="right")
    table.add_column(f"net {currency}", justify="right")
    for line in summary["netByType"]:
        table.add_row(line["transactionType"], str(line["rows"]), line["net"])
    console.print(table)
    for kind in ("refunds", "reimbursements"):
        for line in summary[kind]:
            order = line["orderId"] or "no order"
            console.print(
                f"  {kind[:-1]:<13} {line['posted'][:10]}  {order:<20} {line['sku']:<10}"
                f" {line['transactionType']:<24} {line['net']:>9}",
                highlight=False,
            )
