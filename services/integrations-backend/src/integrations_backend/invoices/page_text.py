"""A document as words on pages, whatever file it came in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CELL_GAP = 0.9
"""Words further apart than this part of their size stand in different cells."""
LINE_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a box on a page (points from the lower left corner), or a line."""

    page: int
    box: tuple[float, float, float, float] | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """A run of letters without a gap; `size` is its font's height."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float


@dataclass(frozen=True, slots=True)
class Line:
    """Words of one height on one page, from left to right."""

    page: int
    words: tuple[Word, ...]
    number: int | None = None
    """The line of a text file; its words have no box then."""

    @property
    def text(self) -> str:
        """The words with single spaces."""
        return " ".join(word.text for word in self.words)

    @property
    def size(self) -> float:
        """The height of its tallest word."""
        return max(word.size for word in self.words)

    @property
    def cells(self) -> list[Word]:
        """Words that belong together, joined: "Unit price" is one cell."""
        joined: list[Word] = []
        for word in self.words:
            if joined and word.x0 - joined[-1].x1 <= CELL_GAP * word.size:
                joined[-1] = _joined(joined[-1], word)
            else:
                joined.append(word)
        return joined

    def place(self, *words: Word) -> Place:
        """Where these words stand; without any, where the line stands."""
        if self.number is not None:
            return Place(self.page, line=self.number)
        some = words or self.words
        return Place(
            self.page,
            (
                round(min(one.x0 for one in some), 1),
                round(min(one.y0 for one in some), 1),
                round(max(one.x1 for one in some), 1),
                round(max(one.y1 for one in some), 1),
            ),
        )


@dataclass(frozen=True, slots=True)
class DocumentText:
    """All lines in reading order; `cut` when it was longer than we read."""

    lines: tuple[Line, ...]
    pictures: int = 0
    cut: bool = False


def _joined(left: Word, right: Word) -> Word:
    return Word(
        f"{left.text} {right.text}",
        left.x0,
        min(left.y0, right.y0),
        right.x1,
        max(left.y1, right.y1),
        max(left.size, right.size),
    )


def lines_of(page: int, words: Iterable[Word]) -> list[Line]:
    """Words of a page as lines, from the top down."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda one: (-one.y0, one.x0)):
        if lines and _same_height(lines[-1][0], word):
            lines[-1].append(word)
        else:
            lines.append([word])
    return [Line(page, tuple(sorted(line, key=lambda one: one.x0))) for line in lines]


def _same_height(first: Word, word: Word) -> bool:
    return abs(first.y0 - word.y0) <= LINE_OVERLAP * min(first.size, word.size)


def text_lines(rows: Sequence[Sequence[tuple[float, str]]]) -> tuple[Line, ...]:
    """Rows of a file without pages: (offset, text) of each cell, in letters."""
    return tuple(
        Line(1, tuple(word for cell in row for word in _spread(*cell)), number)
        for number, row in enumerate(rows, 1)
        if any(text.strip() for _, text in row)
    )


LETTER_WIDTH, LETTER_HEIGHT = 6.0, 10.0
"""As if it were typed: one space keeps words in one cell, two begin another."""


def _spread(offset: float, text: str) -> list[Word]:
    words, at = [], offset
    for part in text.split():
        end = at + len(part)
        box = (at * LETTER_WIDTH, 0.0, end * LETTER_WIDTH, LETTER_HEIGHT)
        words.append(Word(part, *box, LETTER_HEIGHT))
        at = end + 1
    return words
