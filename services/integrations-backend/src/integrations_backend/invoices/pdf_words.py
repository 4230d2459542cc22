"""The words of a PDF, read in a process of its own that may take little memory and time.

    python -m integrations_backend.invoices.pdf_words < file.pdf > words.json

A PDF is a program for a reader, and a stranger wrote it: this process has no settings, no network
use, no right to write files, and ends when it wants more than its share. Nothing in the file is run:
scripts, links and embedded files are not looked at.
"""

import io
import json
import resource
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from pdfminer.converter import PDFLayoutAnalyzer
from pdfminer.layout import LTChar, LTContainer, LTImage, LTPage
from pdfminer.pdfdocument import PDFDocument, PDFEncryptionError, PDFPasswordIncorrect
from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
from pdfminer.pdfpage import PDFPage
from pdfminer.pdfparser import PDFParser

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 8
MOST_PAGES = 40
MOST_LETTERS = 200_000
DEEPEST = 16
WORD_GAP = 0.2
"""Letters further apart than this part of their size belong to different words."""
SAME_LINE = 0.4


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


def main() -> None:
    """Read standard input; say what is there, or why it cannot be read."""
    _limit()
    content = sys.stdin.buffer.read()
    try:
        found = read(content)
    except (PDFPasswordIncorrect, PDFEncryptionError):
        found = {"error": "it is locked with a password"}
    except MemoryError:
        found = {"error": "it wants more memory than a paper may"}
    except RecursionError:
        found = {"error": "it is nested too deep"}
    except Exception as error:  # noqa: BLE001 - pdfminer meets a broken file with any of them
        found = {"error": f"it is broken ({type(error).__name__})"}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
