"""A trade paper as a program read it: every field with a confidence, its reasons and its place."""

from datetime import date

from pydantic import Field

from opside_chassis.wire import AnswerModel, ApiModel, PlainText

LARGEST_PAPER_BYTES = 10 * 1024 * 1024
"""What is read; larger files are no invoices."""
LONGEST_READING_SECONDS = 15.0
"""Within it a paper is read, or the reader says that it is busy (503)."""
READING_WAIT_SECONDS = 17.0
"""A caller waits longer than the reader may take, so that it hears the reader's own word and reads no paper
twice; and less than a job may run (`opside_chassis.jobs.JOB_TIMEOUT_SECONDS`)."""
_BASE64_CHARS = LARGEST_PAPER_BYTES * 4 // 3 + 4
_LONG_TEXT = 1_000


class ParseDocument(ApiModel):
    """A file, and what is known of how it came; nothing of it is stored."""

    file_name: PlainText = Field(max_length=200)
    content: str = Field(max_length=_BASE64_CHARS)
    """base64 of the file."""
    sender: PlainText = Field(default="", max_length=_LONG_TEXT)
    subject: PlainText = Field(default="", max_length=_LONG_TEXT)
    received_on: date | None = None


class PaperPlace(AnswerModel):
    """A box on a page (points from the lower left corner), or a line of a file without pages."""

    page: int
    box: tuple[float, float, float, float] | None = None
    line: int | None = None


class _Read(AnswerModel):
    confidence_bp: int
    """Basis points; from 9,000 on two signs agree or the arithmetic proves it."""
    reasons: list[str]
    place: PaperPlace | None = None


class ReadText(_Read):
    """A name, a number, a currency."""

    value: str | None


class ReadDay(_Read):
    """A day."""

    value: date | None


class ReadAmount(_Read):
    """An amount in minor units."""

    value: int | None


class ReadGoods(_Read):
    """One line of goods; `unit_cost_minor` is of one piece, without tax and carriage."""

    sku: str
    fnsku: str
    asin: str
    description: str
    quantity: int | None
    unit_cost_minor: int | None


class PaperReading(AnswerModel):
    """What an invoice or another paper says."""

    kind: str
    """`invoice`, `credit_note`, `quotation`, `order`, `packing_list`, `proof_of_delivery`,
    `statement` or `unknown`."""
    sure: bool
    """Every field that a cost needs is sure: nobody has to look."""
    supplier: ReadText
    number: ReadText
    dated: ReadDay
    currency: ReadText
    total_minor: ReadAmount
    goods: list[ReadGoods]
    shipments: list[str]
    problems: list[str]


class ParsedDocument(AnswerModel):
    """The reading, or why a person must type it."""

    media: str
    needs_typing: str | None = None
    reading: PaperReading | None = None
