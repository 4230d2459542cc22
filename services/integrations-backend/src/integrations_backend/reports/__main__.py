"""`python -m integrations_backend.reports FILE --archive URL --seller ID --marketplace ID`.

Reads one report file into an archive as a sync does, and prints as JSON what was read, in how many
seconds and how much memory. Exit status 2: the file is no report, and the sentence says why.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from integrations_backend.archive import Archive, Document
from integrations_backend.reports.errors import UnreadableReport
from integrations_backend.reports.ingest import reading
from integrations_backend.reports.layout import kind_of
from integrations_backend.reports.marketplaces import marketplace
from integrations_backend.reports.peak import peak_mib


def main() -> None:
    """Read the file."""
    parser = argparse.ArgumentParser(prog="python -m integrations_backend.reports")
    parser.add_argument("file", type=Path)
    parser.add_argument("--archive", required=True, help="folder or s3://bucket/prefix")
    parser.add_argument("--seller", required=True, help="his user id")
    parser.add_argument("--marketplace", required=True, help="its id")
    parser.add_argument("--received", type=Path, help="the same file as gzip, as it came")
    parser.add_argument("--order", type=int, default=1, help="place in the order of reading")
    given = parser.parse_args()
    begun, worked = time.perf_counter(), time.process_time()
    archive = Archive.open(given.archive)
    try:
        kind = kind_of(given.file)
        store = marketplace(given.marketplace)
        with reading(given.file, kind, store=store, packed=given.received) as read:
            document = Document(given.file.name, given.order)
            archive.keep(read.written, user_id=given.seller, document=document, packed=read.packed)
    except UnreadableReport as error:
        parser.error(f"{given.file.name}: {error.detail}")
    told = {
        "reportType": kind.report_type,
        "rows": read.written.rows,
        "rejected": read.written.rejected,
        "seconds": round(time.perf_counter() - begun, 3),
        "processorSeconds": round(time.process_time() - worked, 3),
        "peakMiB": peak_mib(),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
