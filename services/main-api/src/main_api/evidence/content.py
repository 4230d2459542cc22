"""Which kind of file a content is, by its own bytes: names and headers of a request prove nothing.

A handful of signatures instead of a library that knows hundreds: what is not on this list is refused,
so there is nothing else to tell apart. Nothing here decodes or runs a content.
"""

import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from main_api.evidence.errors import FileTooLarge, NotEvidence

PDF, PNG, JPEG, TEXT = "application/pdf", "image/png", "image/jpeg", "text/plain"
LARGEST_FILE_BYTES = 20 * 1024 * 1024
"""A scanned contract of a hundred pages; integrations-backend reads no larger ones."""
LARGEST_TEXT_BYTES = 1024 * 1024
MOST_PIXELS = 60_000_000
"""A photo of a large camera. More would be decoded into hundreds of megabytes."""
PDF_TAIL_BYTES = 1024
"""So much may follow the end mark of a PDF (ISO 32000 readers look there); more is another file."""
SUFFIXES = {PDF: ".pdf", PNG: ".png", JPEG: ".jpg", TEXT: ".txt"}

_SIGNATURES = ((b"%PDF-", PDF), (b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG))
_READ_BYTES = 16
_TEXT_CONTROLS = {"\t", "\n", "\r", "\f"}


def media_type_of(file: Path) -> str:
    """The media type of a file that may be kept.

    Raises:
        FileTooLarge: too many bytes, or pixels.
        NotEvidence: empty, of another kind, or broken so that nobody could open it.
    """
    size = file.stat().st_size
    if size == 0:
        raise NotEvidence("the file is empty")
    if size > LARGEST_FILE_BYTES:
        raise FileTooLarge(f"a file may have {LARGEST_FILE_BYTES // 1024 // 1024} MB")
    with file.open("rb") as source:
        head = source.read(_READ_BYTES)
    media_type = next((kind for mark, kind in _SIGNATURES if head.startswith(mark)), TEXT)
    match media_type:
        case "application/pdf":
            _check_pdf(file, size)
        case "text/plain":
            _check_text(file, size)
        case _:
            _check_image(file, media_type)
    return media_type


def _check_pdf(file: Path, size: int) -> None:
    """A second file behind the end of the first makes one content two things to two programs."""
    with file.open("rb") as source:
        content = source.read()
    end = content.rfind(b"%%EOF")
    if end < 0:
        raise NotEvidence("the PDF has no end: it was not received whole")
    if size - end - len(b"%%EOF") > PDF_TAIL_BYTES:
        raise NotEvidence("something else follows the end of the PDF")


def _check_image(file: Path, media_type: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file, formats=("PNG", "JPEG")) as image:
                width, height = image.size
                found = Image.MIME[image.format or ""]
    except (Image.DecompressionBombError, UnidentifiedImageError, OSError, ValueError) as error:
        raise NotEvidence("the image cannot be opened") from error
    except SyntaxError as error:  # what Pillow raises for a broken PNG
        raise NotEvidence("the image cannot be opened") from error
    if found != media_type:
        raise NotEvidence("the image cannot be opened")
    if width * height > MOST_PIXELS:
        raise FileTooLarge(f"an image may have {MOST_PIXELS // 1_000_000} million pixels")


def _check_text(file: Path, size: int) -> None:
    """Plain text for people. Mark-up is none: a browser somewhere would run it."""
    if size > LARGEST_TEXT_BYTES:
        raise NotEvidence("only PDF, PNG, JPEG and short plain text are kept as evidence")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotEvidence("only PDF, PNG, JPEG and plain text (UTF-8) are kept") from error
    if text.lstrip().startswith("<"):
        raise NotEvidence("this is mark-up; save it as a PDF first")
    if any(char < " " and char not in _TEXT_CONTROLS for char in text):
        raise NotEvidence("only PDF, PNG, JPEG and plain text are kept as evidence")
    if not text.strip():
        raise NotEvidence("the file is empty")
