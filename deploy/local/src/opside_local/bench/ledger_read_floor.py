"""The floor of `ledger_read` and `detect`: `python -m opside_local.bench.ledger_read_floor FILE`.

Polars alone reads all cells of a tab separated file into memory: as it is by default or, with --typed,
dates as dates, which is what the archive holds.
"""

import argparse
import json
import resource
import sys
import time

import polars as pl


def main() -> None:
    """Scan once; print rows, seconds and peak memory."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--typed", action="store_true")
    given = parser.parse_args()
    begun, worked = time.perf_counter(), time.process_time()
    rows = pl.scan_csv(
        given.file, separator="\t", quote_char=None, try_parse_dates=given.typed
    ).collect(engine="streaming")
    told = {
        "rows": rows.height,
        "seconds": round(time.perf_counter() - begun, 4),
        "processorSeconds": round(time.process_time() - worked, 4),
        "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
