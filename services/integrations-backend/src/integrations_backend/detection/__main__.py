"""`python -m integrations_backend.detection FOLDER`: findings over a folder of report files, as JSON.

Money is minor units. Exit status 2: the arguments are wrong, and the sentence says how.
"""

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from integrations_backend.detection.folder import Audit, account_of, audit_folder
from integrations_backend.detection.policy import current_policy


def main() -> None:
    """Print the findings."""
    parser = argparse.ArgumentParser(prog="python -m integrations_backend.detection")
    parser.add_argument("folder", type=Path, help="report files, one type each")
    parser.add_argument("--marketplace", help="its id; default: as account.json says")
    parser.add_argument(
        "--as-of", type=date.fromisoformat, help="default: account.json, else today"
    )
    given = parser.parse_args()
    if not given.folder.is_dir():
        parser.error(f"{given.folder} is no folder")
    account = account_of(given.folder)
    marketplace_id = given.marketplace or account.get("marketplaceId")
    if not marketplace_id:
        parser.error("no account.json names the marketplace: give --marketplace")
    as_of = given.as_of or date.fromisoformat(account.get("asOf") or date.today().isoformat())  # noqa: DTZ011 (a calendar day of the person who asks)
    try:
        audit = audit_folder(given.folder, marketplace_id=marketplace_id, as_of=as_of)
    except KeyError:
        parser.error(f"{marketplace_id} is no marketplace that we know")
    json.dump(document(audit), sys.stdout, default=str, ensure_ascii=False)
    sys.stdout.write("\n")


def document(audit: Audit) -> dict[str, Any]:
    """What is printed."""
    claims = audit.findings.claims
    return {
        "marketplaceId": audit.store.id,
        "currency": audit.store.currency,
        "asOf": audit.as_of.isoformat(),
        "ruleVersion": current_policy().version,
        "files": [asdict(one) for one in audit.files],
        "reportsNotRead": audit.not_read,
        "claimsByType": dict(sorted(Counter(one.claim_type for one in claims).items())),
        "claims": [asdict(one) for one in claims],
        "losses": [asdict(one) for one in audit.findings.losses],
    }


if __name__ == "__main__":
    main()
