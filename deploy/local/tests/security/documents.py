"""Attacks with documents, and on what a person opens afterwards: files, names, cells, addresses."""

import asyncio
import csv
import io
import uuid
from datetime import UTC, datetime

import httpx
from security.belongings import belongings
from security.house import ADA, CLEO, INTEGRATIONS, MAIN_API, House, Session, bearer
from security.row import Attack, Database, Mutant

from opside_contracts import scopes
from opside_local.journey.waiting import until

CONTENT, UPLOAD = "main_api/evidence/content.py", "main_api/evidence/upload.py"
PAGES = {
    "page.html": b"<!doctype html><script>alert(1)</script>",
    "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "marked.svg": b"\xef\xbb\xbf \n<svg onload=alert(1)>",
}
FORMULA = '=HYPERLINK("https://evil.test")'
MONTH = "2027-03"
"""Nothing else of Ada's is in it."""
RIVALS = 5


async def handed_over(house: House, who: Session, name: str, content: bytes) -> httpx.Response:
    """The answer to an upload that calls itself something harmless."""
    files = {"file": (name, content, "text/plain")}
    return await house.ask("POST", "/api/evidence", headers=bearer(who.token), files=files)


async def pages_kept(house: House) -> set[str]:
    """Which pages, with a script in them, are kept as plain text."""
    ada = await house.signed_in()
    answers = {
        name: await handed_over(house, ada, name, content) for name, content in PAGES.items()
    }
    return {name for name, answer in answers.items() if answer.is_success}


async def shown_by_a_browser(house: House) -> set[str]:
    """What a browser would do with a document that says it is a page further down."""
    ada = await house.signed_in()
    kept = await handed_over(house, ada, "letter.txt", b"Dear all,\n<script>alert(1)</script>")
    path = f"/api/evidence/{kept.json()['evidenceId']}/file"
    headers = (await house.ask("GET", path, headers=bearer(ada.token))).headers
    allowed = set()
    if not headers["content-disposition"].startswith("attachment;"):
        allowed.add("show it")
    if headers["x-content-type-options"] != "nosniff":
        allowed.add("guess its kind")
    if "sandbox" not in headers["content-security-policy"]:
        allowed.add("run its scripts")
    return allowed


async def climbing_name(house: House) -> str:
    """How a document is called that was handed over under a path."""
    ada = await house.signed_in()
    content = f"a paper {uuid.uuid4()}".encode()
    answer = await handed_over(house, ada, "x/../../../etc/cron.d/evil.txt", content)
    return str(answer.json()["fileName"])


async def formulas(house: House) -> set[str]:
    """Cells of a statement that a spreadsheet would run; what Amazon's report says was written by others."""
    ada = await house.signed_in()
    moment = datetime(2027, 3, 5, tzinfo=UTC).isoformat()
    event = {
        "type": "recovery.confirmed",
        "eventId": uuid.uuid4().hex,
        "userId": ada.user_id,
        "occurredAt": moment,
        "approvedAt": moment,
        "recoveryId": FORMULA,
        "caseId": "@SUM(1)",
        "claimId": "clm_1",
        "claimType": "+1",
        "amountMinor": 100,
        "currency": "usd",
        "quantity": 1,
        "billable": False,
        "notBillableReason": "-1",
        "ruleVersion": "1",
    }
    token = house.service_token(INTEGRATIONS, MAIN_API, scopes.PUBLISH_EVENT, act_for=ada.user_id)
    url = f"{house.system.urls.main_api}/internal/events"
    told = await house.ask("POST", url, headers=bearer(token), json=event)
    assert told.status_code == 202, told.text

    async def rows() -> list[dict[str, str]]:
        headers = bearer(ada.token) | {"Accept": "text/csv"}
        answer = await house.ask("GET", f"/api/statements/{MONTH}", headers=headers)
        found = csv.DictReader(io.StringIO(answer.text))
        return [row for row in found if row["record"] == "line"]

    [row, *_] = await until(rows, done=bool, what="the line of the statement")
    return {cell for cell in row.values() if cell.startswith(("=", "+", "-", "@"))}


async def old_calendar(house: House) -> int:
    """An address of a calendar that its owner has replaced, because it got into other hands."""
    ada = await house.signed_in(ADA)
    await house.ask("DELETE", "/api/filings/calendar", headers=bearer(ada.token))
    first = await house.ask("POST", "/api/filings/calendar", headers=bearer(ada.token))
    await house.ask("POST", "/api/filings/calendar", headers=bearer(ada.token))
    key = first.json()["url"].partition("?")[2]
    return (await house.ask("GET", f"/api/filings/calendar.ics?{key}")).status_code


async def one_unit_for_many(house: House) -> int:
    """Of many claims that ask at once for the one unit of an invoice: how many get it."""
    await belongings(house)
    cleo = await house.signed_in(CLEO)
    headers = bearer(cleo.token)
    cases = (await house.ask("GET", "/api/cases", headers=headers)).json()["items"][:RIVALS]
    kept = await handed_over(house, cleo, "race.txt", f"Invoice {uuid.uuid4()}".encode())
    path = f"/api/evidence/{kept.json()['evidenceId']}"
    fields = [{"lineNo": 1, "name": "quantity", "value": "1"}]
    await house.ask("PATCH", f"{path}/fields", headers=headers, json={"fields": fields})
    bodies = [{"caseId": case["caseId"], "lineNo": 1, "units": 1} for case in cases]
    asked = (house.ask("POST", f"{path}/matches", headers=headers, json=body) for body in bodies)
    return sum(answer.is_success for answer in await asyncio.gather(*asked))


ATTACKS = (
    Attack(
        "upload: a page with a script",
        pages_kept,
        set(),
        Mutant(CONTENT, '    if text.lstrip().startswith("<"):', "    if not text:"),
        set(PAGES),
    ),
    Attack(
        "upload: shown instead of saved",
        shown_by_a_browser,
        set(),
        Mutant(
            "main_api/evidence/routes.py",
            """    return f"attachment; filename*=UTF-8''{quote(file_name, safe='')}\"""",
            """    return f"inline; filename*=UTF-8''{quote(file_name, safe='')}\"""",
        ),
        {"show it"},
    ),
    Attack(
        "upload: a name that is a path",
        climbing_name,
        "evil.txt",
        Mutant(UPLOAD, '.replace("\\\\", "/").rsplit("/", 1)[-1]'),
        "x/../../../etc/cron.d/evil.txt",
    ),
    Attack(
        "export: a cell that is a formula",
        formulas,
        set(),
        Mutant(
            "main_api/statements/csv_file.py",
            "if text and text.startswith(_STARTS_A_FORMULA) else",
            "if text is None else",
        ),
        {FORMULA, "@SUM(1)", "+1", "-1"},
    ),
    Attack(
        "calendar: an address that was replaced",
        old_calendar,
        404,
        Mutant(
            "main_api/filings/queries.py",
            'set_={"secret_hash": secret_hash, "created_at": func.now()},',
            'set_={"created_at": func.now()},',
        ),
        200,
    ),
    Attack(
        "race: one unit of an invoice for many claims",
        one_unit_for_many,
        1,
        Database(
            "ALTER TABLE main_api.evidence_lines DROP CONSTRAINT ck_evidence_lines_used_once",
            "DELETE FROM main_api.evidence_documents WHERE file_name = 'race.txt';"
            " ALTER TABLE main_api.evidence_lines ADD CONSTRAINT ck_evidence_lines_used_once"
            " CHECK (used_units >= 0 AND used_units <= units)",
        ),
        RIVALS,
    ),
)
