"""The embedded servers: kept data, clean ends, crashes, neighbours, and honest refusals."""

import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from opside_chassis.testing import engines, server_user
from opside_chassis.testing.engines import EmbeddedPostgres, EmbeddedRedis, EngineFailed, free_port

SCRIPT = Path(__file__).parent.parent / "engines_process.py"
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="about what root must take care of")


def postgres(folder: Path, **options: int | bool) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder / "data", **({"durable": False} | options))  # type: ignore[arg-type]


async def ask(server: EmbeddedPostgres, query: str) -> object:
    connection = await asyncpg.connect(server.url())
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def let_others_pass(folder: Path) -> None:
    """pytest's folders are closed to others; all of them lie in one of ours under /tmp."""
    for part in (folder, *folder.parents):
        if part.stat().st_uid == os.geteuid() and not part.stat().st_mode & 0o001:
            part.chmod(0o711)


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


async def test_data_is_kept_between_two_runs(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with postgres(tmp_path, durable=True) as server:
            await ask(server, f"CREATE TABLE {name} (id int)")
            assert await ask(server, "SHOW fsync") == "on"
    with postgres(tmp_path) as server:
        tables = await ask(server, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    assert tables == 2


async def test_a_crashed_server_starts_again(tmp_path: Path) -> None:
    server = postgres(tmp_path).start()
    assert server.pid is not None
    await ask(server, "CREATE TABLE kept (id int)")
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    assert (tmp_path / "data" / "postmaster.pid").exists()
    with postgres(tmp_path) as again:
        assert await ask(again, "SELECT count(*) FROM kept") == 0


async def test_a_pid_file_that_names_a_stranger_is_stale(tmp_path: Path) -> None:
    postgres(tmp_path).start().stop()
    (tmp_path / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n/somewhere\n")
    with postgres(tmp_path) as server:
        assert await ask(server, "SELECT 1") == 1


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with (
        postgres(tmp_path),
        pytest.raises(EngineFailed, match=r"another Postgres .* mend: stop it"),
    ):
        postgres(tmp_path).start()


async def test_copies_stand_side_by_side(tmp_path: Path) -> None:
    with postgres(tmp_path / "a") as one, postgres(tmp_path / "b") as other:
        assert one.port != other.port
        assert await ask(one, "SELECT 1") == await ask(other, "SELECT 1") == 1
        with EmbeddedRedis(tmp_path / "a") as redis, EmbeddedRedis(tmp_path / "b") as other_redis:
            assert redis.port != other_redis.port


def test_data_of_another_version_is_refused_and_kept(tmp_path: Path) -> None:
    postgres(tmp_path).start().stop()
    (tmp_path / "data" / "PG_VERSION").write_text("15\n")
    with pytest.raises(EngineFailed, match=r"made by Postgres 15, this is 18.* mend: "):
        postgres(tmp_path).start()
    assert (tmp_path / "data" / "base").exists()


def test_a_lost_password_is_said(tmp_path: Path) -> None:
    postgres(tmp_path).start().stop()
    (tmp_path / "data.password").unlink()
    with pytest.raises(EngineFailed, match=r"password to .* is gone; mend: "):
        postgres(tmp_path).start()


def test_a_folder_with_other_things_in_it_is_refused_and_kept(tmp_path: Path) -> None:
    letter = tmp_path / "data" / "letter.txt"
    letter.parent.mkdir()
    letter.write_text("dear")
    with pytest.raises(EngineFailed, match="is not empty and no Postgres data"):
        postgres(tmp_path).start()
    assert letter.read_text() == "dear"


async def test_an_initialisation_that_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    half_made = tmp_path / "data.unfinished"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    with postgres(tmp_path) as server:
        assert await ask(server, "SELECT 1") == 1
    assert not half_made.exists()


async def test_a_password_is_asked_for(tmp_path: Path) -> None:
    with postgres(tmp_path) as server:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(f"postgresql://postgres:guess@127.0.0.1:{server.port}/postgres")
        assert (tmp_path / "data.password").stat().st_mode & 0o077 == 0
        assert await ask(server, "SHOW listen_addresses") == "127.0.0.1"


async def test_the_callers_environment_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGOPTIONS", "-c nonsense=1")
    server = postgres(tmp_path).start()
    monkeypatch.delenv("PGOPTIONS")
    assert await ask(server, "SELECT 1") == 1
    server.stop()


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_a_named_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with taken_port() as port:
        with pytest.raises(EngineFailed, match="Address already in use"):
            postgres(tmp_path, port=port).start()
        with pytest.raises(EngineFailed, match="Address already in use"):
            EmbeddedRedis(tmp_path / "redis", port=port).start()


def test_a_chosen_port_that_somebody_took_meanwhile_is_chosen_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with taken_port() as port:
        for server in (postgres(tmp_path), EmbeddedRedis(tmp_path / "redis")):
            ports = iter([port, free_port()])
            monkeypatch.setattr(engines, "free_port", lambda ports=ports: next(ports))
            with server:
                assert server.port != port


def test_another_redis_on_the_port_is_not_taken_for_ours(tmp_path: Path) -> None:
    with (
        EmbeddedRedis(tmp_path / "a") as other,
        pytest.raises(EngineFailed, match="Address already in use"),
    ):
        EmbeddedRedis(tmp_path / "b", port=other.port).start()


def start_both(folder: Path, *uid: int) -> tuple["subprocess.Popen[str]", list[int]]:
    parent = subprocess.Popen(  # noqa: S603
        [sys.executable, str(SCRIPT), str(folder), *map(str, uid)],
        stdout=subprocess.PIPE,
        text=True,
    )
    return parent, [int(pid) for pid in parent.stdout.readline().split()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_server_outlives_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    parent, pids = start_both(tmp_path)
    assert len(pids) == 2
    assert all(is_running(pid) for pid in pids)
    parent.send_signal(number)
    parent.wait(timeout=20)
    deadline = time.monotonic() + 10
    while any(is_running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(is_running(pid) for pid in pids)


@only_root
def test_an_ordinary_user_can_run_both(tmp_path: Path) -> None:
    let_others_pass(tmp_path)
    own = tmp_path / "own"
    own.mkdir()
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(own, nobody, nobody)
    parent, pids = start_both(own, nobody)
    try:
        assert [Path(f"/proc/{pid}").stat().st_uid for pid in pids] == [nobody, nobody]
    finally:
        parent.terminate()
        parent.wait(timeout=20)


@only_root
async def test_roots_data_may_lie_where_the_server_may_not_pass(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with postgres(closed) as server:
        assert await ask(server, "SELECT 1") == 1
        assert (closed / "data").stat().st_uid != 0


@only_root
def test_binaries_out_of_reach_are_lent_and_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "reachable_by", lambda *_anything: False)
    monkeypatch.setattr(server_user.tempfile, "tempdir", str(tmp_path))
    let_others_pass(tmp_path)
    left_by_the_dead = tmp_path / "opside-postgres-999999999-x"
    left_by_the_dead.mkdir()
    with postgres(tmp_path / "own"):
        lent = list(tmp_path.glob("opside-postgres-*"))
        assert len(lent) == 1
        assert lent != [left_by_the_dead]
    assert list(tmp_path.glob("opside-postgres-*")) == []
