import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from opside_local.processes import MAX_RESTARTS, Crew, Program, StartFailed

FOREVER = "import time\nwhile True: time.sleep(1)"
PATIENCE_SECONDS = 60.0


def python(folder: Path, name: str, code: str, ready_url: str | None = None) -> Program:
    return Program(name, (sys.executable, "-c", code), dict(os.environ), folder, ready_url)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


@pytest.fixture
async def crew(tmp_path: Path) -> AsyncIterator[Crew]:
    crew = Crew(tmp_path)
    yield crew
    await crew.stop_all()


async def test_a_program_that_falls_over_is_started_again(crew: Crew, tmp_path: Path):
    await crew.start(python(tmp_path, "worker", FOREVER))
    first = crew.process_id("worker")
    os.kill(first, signal.SIGKILL)
    await until(lambda: crew.process_id("worker") != first)
    assert alive(crew.process_id("worker"))
    assert not crew.broken.is_set()


async def test_a_program_that_always_falls_over_is_given_up(tmp_path: Path):
    said: list[str] = []
    crew = Crew(tmp_path, say=said.append)
    await crew.start(python(tmp_path, "worker", "raise SystemExit(3)"))
    await asyncio.wait_for(crew.broken.wait(), PATIENCE_SECONDS)
    assert said[-1] == "worker cannot be kept alive (exit code 3)"
    assert len(said) == MAX_RESTARTS + 1
    await crew.stop_all()


async def test_a_wrong_setting_is_shown_as_its_one_line(crew: Crew, tmp_path: Path):
    code = "import sys; print('PORT: 1 is taken; mend: another', file=sys.stderr); sys.exit(78)"
    with pytest.raises(StartFailed, match=r"^payments: PORT: 1 is taken; mend: another$"):
        await crew.start(python(tmp_path, "payments", code, "http://127.0.0.1:9/none"))
    assert crew.names() == []


async def test_a_program_that_ends_before_it_is_ready_shows_its_last_words(
    crew: Crew, tmp_path: Path
):
    with pytest.raises(StartFailed, match=r"ended with exit code 1(.|\n)*ZeroDivisionError"):
        await crew.start(python(tmp_path, "payments", "1/0", "http://127.0.0.1:9/none"))


async def test_stopping_ends_also_what_ignores_the_request(
    crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("opside_local.processes.STOP_WITHIN_SECONDS", 0.3)
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(1, flush=True)\n{FOREVER}"
    await crew.start(python(tmp_path, "deaf", deaf))
    pid = crew.process_id("deaf")
    await until(lambda: crew.log("deaf").read_text() != "" or not alive(pid))
    await crew.stop("deaf")
    assert not alive(pid)


async def test_a_killed_program_stays_down_until_it_is_started(crew: Crew, tmp_path: Path):
    program = python(tmp_path, "worker", FOREVER)
    await crew.start(program)
    pid = crew.process_id("worker")
    await crew.kill("worker")
    assert not alive(pid)
    assert crew.names() == []
    await crew.start(program)
    assert alive(crew.process_id("worker"))


LAUNCHER = f"""
import asyncio, os, sys
from pathlib import Path
from opside_local.processes import Crew, Program

async def main():
    crew = Crew(Path(sys.argv[1]))
    await crew.start(Program("child", (sys.executable, "-c", {FOREVER!r}), os.environ, Path("/")))
    print(crew.process_id("child"), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_no_child_outlives_a_launcher_that_is_killed(tmp_path: Path):
    launcher = subprocess.Popen(  # noqa: ASYNC220 (it lives for a moment)
        [sys.executable, "-c", LAUNCHER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert launcher.stdout is not None
    child = int(launcher.stdout.readline())
    assert alive(child)
    launcher.kill()
    launcher.wait()
    await until(lambda: not alive(child))
