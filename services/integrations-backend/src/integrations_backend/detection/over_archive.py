"""`python -m integrations_backend.detection.over_archive`: all rules over a seller's archive.

Prints as JSON how much was found, in how many seconds and how much memory.
"""

import argparse
import json
import sys
import time
from datetime import date

from integrations_backend.archive import Archive
from integrations_backend.detection.detect import detect
from integrations_backend.detection.run import facts_of
from integrations_backend.reports.marketplaces import marketplace
from integrations_backend.reports.peak import peak_mib


def main() -> None:
    """Detect; store nothing."""
    parser = argparse.ArgumentParser(prog="python -m integrations_backend.detection.over_archive")
    parser.add_argument("--archive", required=True, help="folder or s3://bucket/prefix")
    parser.add_argument("--seller", required=True, help="his user id")
    parser.add_argument("--marketplace", required=True, help="its id")
    parser.add_argument("--as-of", required=True, type=date.fromisoformat, help="day of the audit")
    given = parser.parse_args()
    archive, store = Archive.open(given.archive), marketplace(given.marketplace)
    begun, worked = time.perf_counter(), time.process_time()
    found = detect(facts_of(archive, user_id=given.seller, store=store, as_of=given.as_of))
    told = {
        "claims": len(found.claims),
        "losses": len(found.losses),
        "seconds": round(time.perf_counter() - begun, 3),
        "processorSeconds": round(time.process_time() - worked, 3),
        "peakMiB": peak_mib(),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
