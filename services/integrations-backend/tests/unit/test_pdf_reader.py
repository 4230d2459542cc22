"""PDFs that strangers wrote: bounded in time and memory, and harmless to the next one."""

import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories.papers import invoice_lines, pdf, pdf_of, stored

from integrations_backend.invoices.errors import ReaderBusy, Unreadable
from integrations_backend.invoices.pdf import TURN_SECONDS, WALL_SECONDS, PdfReader, pdf_text
from integrations_backend.invoices.pdf_words import CPU_SECONDS, MOST_LETTERS
from integrations_backend.invoices.read_paper import read_in_time
from integrations_backend.invoices.reading import Came
from opside_chassis.jobs import JOB_TIMEOUT_SECONDS
from opside_contracts.integrations.papers import LONGEST_READING_SECONDS, READING_WAIT_SECONDS


@pytest.fixture
def reader() -> Iterator[PdfReader]:
    made = PdfReader(wall_seconds=60)
    yield made
    made.end()


def bomb(megabytes: int) -> bytes:
    """A small file whose page unpacks to so much."""
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(megabytes)) + packer.flush()
    return pdf_of(b"").replace(
        b"<< /Length 0 >>\nstream\n\nendstream",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed),
    )


LOOP = pdf_of(b"").replace(b"/Kids [3 0 R]", b"/Kids [2 0 R]")
DEEP = pdf_of(b"[" * 200_000)
SCRIPTED = b"/OpenAction << /S /JavaScript /JS (app.launchURL\\(1\\)) >> /AA << /O 9 0 R >>"
HOSTILE = {
    "no PDF at all": b"%PDF-1.4\n" + b"\x00\xff" * 500,
    "empty": b"%PDF-1.7",
    "cut short": pdf(invoice_lines())[:300],
    "pages that hold themselves": LOOP,
    "nested without end": DEEP,
    "endless drawing": pdf_of(b"q 1 0 0 1 0 0 cm " * 400_000, packed=True),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_ends_in_bounds_and_harms_nobody(
    reader: PdfReader, tmp_path: Path, name: str
) -> None:
    begun = time.process_time()
    try:
        text = await pdf_text(stored(tmp_path, HOSTILE[name]), reader=reader)
    except Unreadable:
        pass
    else:
        assert len(text.lines) < 100
    assert time.process_time() - begun < CPU_SECONDS, "the work was done elsewhere"
    good = await pdf_text(stored(tmp_path, pdf(invoice_lines()), "good"), reader=reader)
    assert any("NB-2026-7" in line.text for line in good.lines)


async def test_a_bomb_is_named_as_one(reader: PdfReader, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="memory"):
        await pdf_text(stored(tmp_path, bomb(700)), reader=reader)


async def test_scripts_are_not_looked_at(reader: PdfReader, tmp_path: Path) -> None:
    text = await pdf_text(stored(tmp_path, pdf(invoice_lines(), extra=SCRIPTED)), reader=reader)
    assert any("NB-2026-7" in line.text for line in text.lines)
    assert "launchURL" not in " ".join(line.text for line in text.lines)


async def test_a_paper_without_end_is_cut(reader: PdfReader, tmp_path: Path) -> None:
    line = b"BT /F1 9 Tf 1 0 0 1 50 700 Tm (" + b"words " * 1_000 + b") Tj ET\n"
    text = await pdf_text(stored(tmp_path, pdf_of(line * 20, packed=True)), reader=reader)
    assert text.cut
    assert sum(len(one.text) for one in text.lines) <= MOST_LETTERS


async def test_a_reader_that_gets_no_time_is_started_anew(tmp_path: Path) -> None:
    hasty = PdfReader(wall_seconds=0.0)
    with pytest.raises(ReaderBusy):
        await pdf_text(stored(tmp_path, pdf(invoice_lines())), reader=hasty)
    hasty.end()


async def test_nobody_waits_longer_than_his_callers_for_his_turn(tmp_path: Path) -> None:
    crowded = PdfReader(wall_seconds=60, turn_seconds=0.05)
    with crowded._one_at_a_time:
        begun = time.monotonic()
        with pytest.raises(ReaderBusy):
            await pdf_text(stored(tmp_path, pdf(invoice_lines())), reader=crowded)
        assert time.monotonic() - begun < 30
    assert crowded._program is None, "the other one's reading goes on"
    assert (await pdf_text(stored(tmp_path, pdf(invoice_lines())), reader=crowded)).lines
    crowded.end()


def test_every_wait_is_longer_than_what_it_waits_for() -> None:
    assert CPU_SECONDS < WALL_SECONDS - TURN_SECONDS
    assert WALL_SECONDS < LONGEST_READING_SECONDS < READING_WAIT_SECONDS < JOB_TIMEOUT_SECONDS


async def test_who_waits_for_a_reading_hears_in_time_that_it_takes_too_long(
    tmp_path: Path,
) -> None:
    paper = stored(tmp_path, pdf(invoice_lines()))
    came = Came("a.pdf", "", "", None)
    with pytest.raises(ReaderBusy):
        await read_in_time(paper, came, seconds=0)
    assert (await read_in_time(paper, came, seconds=60)).reading is not None


async def test_a_reader_that_was_killed_is_started_anew(reader: PdfReader, tmp_path: Path) -> None:
    paper = stored(tmp_path, pdf(invoice_lines()))
    await pdf_text(paper, reader=reader)
    reader.end()
    assert (await pdf_text(paper, reader=reader)).lines


async def test_places_are_points_on_the_page(reader: PdfReader, tmp_path: Path) -> None:
    text = await pdf_text(stored(tmp_path, pdf(invoice_lines())), reader=reader)
    line = next(one for one in text.lines if "NB-2026-7" in one.text)
    box = line.place().box
    assert box is not None
    x0, y0, x1, y1 = box
    assert (x0, line.place().page) == (50.0, 1)
    assert 0 < x1 - x0 < 200
    assert 5 < y1 - y0 < 15
