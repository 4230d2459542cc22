"""The words of PDFs, each read in a process of its own that may take little memory and time.

    python -m integrations_backend.invoices.pdf_words

One path a line comes in; the length of the answer and the answer, as JSON, go out. A PDF is a program
for a reader, and a stranger wrote it: so this program knows no settings and no secrets, and each file
is read by a copy of it (a fork, which costs a hundredth of a start) that may write no file and ends
when it wants more than its share. Nothing in the file is run: scripts, links and embedded files are
not looked at.
"""

import io
import json
import os
import resource
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pdfminer.converter import PDFLayoutAnalyzer
from pdfminer.layout import LTChar, LTContainer, LTImage, LTPage
from pdfminer.pdfdocument import PDFDocument, PDFEncryptionError, PDFPasswordIncorrect
from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
from pdfminer.pdfpage import PDFPage
from pdfminer.pdfparser import PDFParser

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 6
MOST_PAGES = 40
MOST_LETTERS = 60_000
DEEPEST = 16
WORD_GAP = 0.2
"""Letters further apart than this part of their size belong to different words."""
SAME_LINE = 0.4
LONGEST_ANSWER_BYTES = 32 * 1024 * 1024
TOO_MUCH = b'{"error": "it wants more time or memory than a paper may"}'


class _Letters(PDFLayoutAnalyzer):
    """Keeps each page as its letters, without pdfminer's own guesses at paragraphs."""

    def __init__(self, manager: PDFResourceManager) -> None:
        super().__init__(manager, laparams=None)
        self.page: LTPage | None = None

    def receive_layout(self, ltpage: LTPage) -> None:
        self.page = ltpage


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _items(container: Iterable[Any], depth: int = 0) -> Iterator[Any]:
    for item in container:
        if isinstance(item, LTContainer) and depth < DEEPEST:
            yield from _items(item, depth + 1)
        else:
            yield item


def _words(letters: list[LTChar]) -> list[list[Any]]:
    """[text, x0, y0, x1, y1, size] of each word."""
    words: list[list[Any]] = []
    last: LTChar | None = None
    for letter in letters:
        text, (x0, y0, x1, y1) = letter.get_text(), letter.bbox
        if not text.strip() or not text.isprintable():
            last = None
            continue
        size = letter.size or 1.0
        near = (
            last is not None
            and abs(last.y0 - y0) <= SAME_LINE * size
            and -size <= x0 - last.x1 <= WORD_GAP * size
        )
        if near:
            word = words[-1]
            word[0] += text
            word[2], word[3] = min(word[2], y0), max(word[3], x1)
            word[4], word[5] = max(word[4], y1), max(word[5], size)
        else:
            words.append([text, x0, y0, x1, y1, size])
        last = letter
    return words


def read(content: bytes) -> dict[str, Any]:
    """Words of each page, how many pictures there are, and whether it was cut short."""
    document = PDFDocument(PDFParser(io.BytesIO(content)))
    manager = PDFResourceManager(caching=False)
    device = _Letters(manager)
    interpreter = PDFPageInterpreter(manager, device)
    pages, pictures, letters_left, cut = [], 0, MOST_LETTERS, False
    for number, page in enumerate(PDFPage.create_pages(document)):
        if number >= MOST_PAGES or letters_left <= 0:
            cut = True
            break
        interpreter.process_page(page)
        letters = []
        for item in _items(device.page or ()):
            if isinstance(item, LTImage):
                pictures += 1
            elif isinstance(item, LTChar):
                letters.append(item)
                letters_left -= 1
                if letters_left <= 0:
                    cut = True
                    break
        pages.append(_words(letters))
    return {"pages": pages, "pictures": pictures, "cut": cut}


def answer(path: str) -> bytes:
    """What is there, or why it cannot be read."""
    try:
        found = read(Path(path).read_bytes())
    except (PDFPasswordIncorrect, PDFEncryptionError):
        found = {"error": "it is locked with a password"}
    except MemoryError:
        found = {"error": "it wants more memory than a paper may"}
    except RecursionError:
        found = {"error": "it is nested too deep"}
    except Exception as error:  # noqa: BLE001 - pdfminer meets a broken file with any of them
        found = {"error": f"it is broken ({type(error).__name__})"}
    return json.dumps(found).encode()


def _in_a_copy(path: str) -> bytes:
    """The answer of a fork; of one that was ended, that it wanted too much."""
    ours, theirs = os.pipe()
    if (child := os.fork()) == 0:
        status = 1
        try:
            _limit()
            with os.fdopen(theirs, "wb") as pipe:
                pipe.write(answer(path))
            status = 0
        finally:
            os._exit(status)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read(LONGEST_ANSWER_BYTES)
    _, status = os.waitpid(child, 0)
    return said if status == 0 and said else TOO_MUCH


def main() -> None:
    """Until the input ends, as it does when whoever started this program has ended."""
    for line in sys.stdin:
        said = _in_a_copy(line.rstrip("\n"))
        sys.stdout.buffer.write(b"%d\n" % len(said) + said)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
