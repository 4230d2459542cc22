"""What the provider programs share: store, clock, settings and the run's seed."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from opside_sandbox.clock import VirtualClock
from opside_sandbox.settings import Settings
from opside_sandbox.store import Store

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class SandboxState:
    """Handed to each provider's `create(state)` and `control_router(state)`."""

    store: Store
    clock: VirtualClock
    settings: Settings
    seed: str

    def rng(self, name: str) -> random.Random:
        """A generator that depends on the run's seed and the name only."""
        return random.Random(f"{self.seed}/{name}")  # noqa: S311 (repeatable on purpose)

    def token(self, name: str, length: int = 24) -> str:
        """Letters and digits that never repeat within a store and follow from the seed."""
        number = self.store.next_number(f"token:{name}")
        digest = hashlib.shake_256(f"{self.seed}/{name}/{number}".encode()).digest(length)
        return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest)


def open_state(settings: Settings, real_now: Callable[[], datetime] | None = None) -> SandboxState:
    """Open (or continue) the run that the settings name."""
    store = Store(settings.state_path)
    return SandboxState(
        store=store, clock=VirtualClock(store, real_now), settings=settings, seed=settings.seed
    )
