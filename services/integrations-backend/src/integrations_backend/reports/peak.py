"""How much memory this program has used at most."""

import resource
from pathlib import Path


def peak_mib() -> int:
    """Of this program alone: the system's other figure also counts who started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM:"))
        return int(line.split()[1]) >> 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
