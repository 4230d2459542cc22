"""The people with a Google account: those of the Amazon stand-in, under the same address."""

import hashlib
from dataclasses import dataclass

from fastapi import HTTPException

from opside_sandbox.amazon.personas import everybody as amazon_personas
from opside_sandbox.state import SandboxState


@dataclass(frozen=True, slots=True)
class Account:
    """A Google account; `sub` is Google's own number of it, which never changes."""

    key: str
    name: str
    email: str
    sub: str


def _account(seed: str, key: str, name: str, email: str) -> Account:
    digest = hashlib.sha256(f"{seed}/google/{key}".encode()).digest()
    return Account(key, name, email, f"1{int.from_bytes(digest[:9], 'big') % 10**20:020d}")


def everybody(state: SandboxState) -> dict[str, Account]:
    """All accounts of this run by key; the numbers follow from the seed."""
    return {
        one.key: _account(state.seed, one.key, one.name, one.email)
        for one in amazon_personas(state).values()
    }


def named(state: SandboxState, key: str) -> Account:
    """The account of a persona. Raises HTTPException 404."""
    found = everybody(state).get(key)
    if found is None:
        raise HTTPException(404, f"{key} has no Google account")
    return found
