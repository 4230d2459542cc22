"""Starts both engines and waits, for tests that kill the parent. Arguments: a folder, and who to be."""

import os
import signal
import sys
import time
from pathlib import Path

from opside_chassis.testing.engines import EmbeddedPostgres, EmbeddedRedis

if __name__ == "__main__":
    # A shell that runs the tests in the background makes its children deaf to SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = Path(sys.argv[1])
    if sys.argv[2:]:
        uid = int(sys.argv[2])
        "host".encode("idna")  # loaded now: this user may not be able to read the standard library
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    with (
        EmbeddedPostgres(folder / "data", durable=False) as postgres,
        EmbeddedRedis(folder / "redis") as redis,
    ):
        sys.stdout.write(f"{postgres.pid} {redis.pid}\n")
        sys.stdout.flush()
        time.sleep(60)
