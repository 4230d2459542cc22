"""Ids of messages."""

import hashlib
from datetime import datetime


def new_id(seed: str, key: str, at: datetime, salt: str) -> str:
    """Sixteen hex digits that grow with time, as Gmail's do."""
    digest = hashlib.sha256(f"{seed}/{key}/{salt}".encode()).digest()
    low = int.from_bytes(digest[:3], "big") % 2**20
    return f"{int(at.timestamp() * 1000) << 20 | low:016x}"
