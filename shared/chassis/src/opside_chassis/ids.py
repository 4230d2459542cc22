"""Prefixed ids: `txn_` + 32 hexadecimal digits of a UUIDv7 (ruling R6), ordered by birth."""

import re

import uuid_utils

_ID = re.compile(r"([a-z]{2,5})_[0-9a-f]{32}")


def new_id(prefix: str) -> str:
    """A fresh id such as `txn_0192...`; ids made later sort later."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"


def is_id(text: str, prefix: str) -> bool:
    """True when `text` is one of our ids of that kind."""
    match = _ID.fullmatch(text)
    return match is not None and match.group(1) == prefix
