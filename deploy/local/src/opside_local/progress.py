"""One line a step on the terminal: what is done, and how long it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

WIDTH = 64


class Progress:
    """Prints `tick  step  seconds`; a step that fails prints a cross and lets the error pass.

    Without a console it prints nothing.
    """

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(quiet=True)
        self._console = console
        plain = not console.encoding.lower().startswith("utf")
        self._tick, self._cross = ("ok", "!!") if plain else ("✓", "✗")
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the first step."""
        return time.monotonic() - self._started

    def heading(self, text: str) -> None:
        """A line that groups the steps after it."""
        self._console.print(f"\n[bold]{text}[/]", highlight=False)

    def note(self, text: str) -> None:
        """Something to know that is no step."""
        self._console.print(f"    [dim]{text}[/]", highlight=False)

    @contextmanager
    def step(self, text: str) -> Iterator["Step"]:
        """Time what happens inside; `say` adds what came of it."""
        started, step = time.monotonic(), Step(text)
        try:
            yield step
        except BaseException:
            self._line(self._cross, "red", step, started)
            raise
        self._line(self._tick, "green", step, started)

    def _line(self, mark: str, colour: str, step: "Step", started: float) -> None:
        seconds = f"{time.monotonic() - started:.1f} s"
        self._console.print(
            f"  [{colour}]{mark}[/] {step.text:<{WIDTH}} [dim]{seconds:>7}[/]",
            highlight=False,
            soft_wrap=True,
        )


class Step:
    """A running step and its text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def say(self, outcome: str) -> None:
        """Add what came of it."""
        self.text = f"{self.text}: {outcome}"
