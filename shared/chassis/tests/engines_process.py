"""Starts both engines and waits, for tests that kill the parent. Argument: a folder."""

import sys
import time
from pathlib import Path

from opside_chassis.testing.engines import EmbeddedPostgres, EmbeddedRedis

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with (
        EmbeddedPostgres(folder / "data", durable=False) as postgres,
        EmbeddedRedis(folder / "redis") as redis,
    ):
        sys.stdout.write(f"{postgres.pid} {redis.pid}\n")
        sys.stdout.flush()
        time.sleep(60)
