"""Ids in the forms that Amazon uses."""

import hashlib
import random
import string
import uuid

from opside_sandbox.state import SandboxState

_UPPER = string.ascii_uppercase + string.digits
_MIXED = string.ascii_letters + string.digits


def request_id(state: SandboxState) -> str:
    """A UUID that never repeats within a store."""
    digest = hashlib.sha256(state.token("request", 32).encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def rid(state: SandboxState) -> str:
    """`x-amz-rid`: twenty capitals and digits."""
    return state.token("rid", 20).upper()


def number(state: SandboxState, name: str, *, digits: int, first: str = "1") -> str:
    """A number of so many digits that never repeats within a store."""
    digest = hashlib.sha256(f"{state.seed}/{name}".encode()).digest()
    start = int.from_bytes(digest[:8], "big") % 10 ** (digits - 2)
    value = (start + 7919 * state.store.next_number(f"amazon:{name}")) % 10 ** (digits - 1)
    return first + str(value).zfill(digits - 1)


def digits(rng: random.Random, count: int) -> str:
    """So many digits, the first not zero."""
    return str(rng.randrange(10 ** (count - 1), 10**count))


def upper(rng: random.Random, count: int) -> str:
    """Capitals and digits."""
    return "".join(rng.choices(_UPPER, k=count))


def mixed(rng: random.Random, count: int) -> str:
    """Letters and digits."""
    return "".join(rng.choices(_MIXED, k=count))


def order_id(rng: random.Random, prefixes: tuple[str, ...]) -> str:
    """`111-1234567-1234567`."""
    return f"{rng.choice(prefixes)}-{rng.randrange(10**7):07d}-{rng.randrange(10**7):07d}"
