"""One virtual clock for all providers: real time plus an offset kept in the store."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from opside_sandbox.store import Store


class VirtualClock:
    """Runs like the real clock and can be moved forward; the offset survives a restart."""

    def __init__(self, store: Store, real_now: Callable[[], datetime] | None = None) -> None:
        self._store = store
        self._real_now = real_now or (lambda: datetime.now(UTC))
        self._listeners: list[Callable[[], None]] = []

    def real_now(self) -> datetime:
        """The machine's own time: what a signature shows a receiver with a real clock."""
        return self._real_now()

    @property
    def offset_seconds(self) -> float:
        """How far this clock runs ahead of the machine's."""
        return float((self._store.get("clock", "offset") or {"seconds": 0.0})["seconds"])

    def now(self) -> datetime:
        """Aware UTC time of the sandbox."""
        return self._real_now() + timedelta(seconds=self.offset_seconds)

    def timestamp(self) -> int:
        """Whole unix seconds of `now`, as Stripe writes times."""
        return int(self.now().timestamp())

    def advance(self, seconds: float) -> datetime:
        """Move forward and wake every listener. Raises ValueError for a step back."""
        if seconds < 0:
            raise ValueError("the clock only moves forward")
        self._store.put("clock", "offset", {"seconds": self.offset_seconds + seconds})
        self.wake()
        return self.now()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each move of the clock and after a reset."""
        self._listeners.append(listener)

    def wake(self) -> None:
        """Tell the listeners that time, or everything, has changed."""
        for listener in self._listeners:
            listener()
