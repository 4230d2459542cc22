"""The archive behaves alike in a folder and in a bucket."""

import gzip
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from bucket import Bucket, bucket
from factories.report_rows import Row, file_text, row

from integrations_backend.archive import OCCURRENCE, ROW_KEY, Archive, Document
from integrations_backend.reports.ingest import reading
from integrations_backend.reports.kinds import KINDS, LEDGER, RETURNS, SALES
from integrations_backend.reports.marketplaces import marketplace
from integrations_backend.reports.partitions import UNDATED
from opside_chassis.settings import WrongSetting

ADA, BEN = "usr_ada", "usr_ben"
US = marketplace("ATVPDKIKX0DER")


@pytest.fixture(scope="module")
def storage() -> Iterator[Bucket]:
    with bucket() as found:
        yield found


@pytest.fixture(params=["folder", "bucket"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    if request.param == "folder":
        return Archive.open(str(tmp_path / "archive"))
    storage: Bucket = request.getfixturevalue("storage")
    return Archive.open(f"{storage.url}/{tmp_path.name}", storage.settings)


def keep(
    archive: Archive,
    folder: Path,
    rows: list[Row],
    *,
    order: int,
    user_id: str = ADA,
    report_type: str = LEDGER,
    header: str = "",
) -> str:
    folder.mkdir(exist_ok=True)
    path = folder / f"{user_id}-{order}.txt"
    lines = file_text(report_type, rows).splitlines()
    path.write_text("\n".join([lines[0] + header, *lines[1:]]))
    with reading(path, KINDS[report_type], store=US) as read:
        document = Document(path.name, order)
        return archive.keep(read.written, user_id=user_id, document=document, packed=read.packed)


def test_rows_lie_by_month_beside_the_file_and_what_was_not_understood(tmp_path: Path) -> None:
    archive = Archive.open(str(tmp_path / "archive"))
    rows = [row(LEDGER, date="10/01/2026"), row(LEDGER, date="11/02/2026"), row(LEDGER, date="x")]
    name = keep(archive, tmp_path, rows, order=7).rsplit("/", 1)[1]
    place = archive.root / ADA / LEDGER
    stored = sorted(str(one.relative_to(place)) for one in place.rglob("*") if one.is_file())
    assert stored == [
        f"2026-10/{name}-0000.parquet",
        f"2026-11/{name}-0000.parquet",
        f"kept-aside/{name}.csv",
        f"received/{name}.gz",
    ]
    assert (
        gzip.decompress((place / f"received/{name}.gz").read_bytes()).decode()
        == (tmp_path / f"{ADA}-7.txt").read_text()
    )
    assert (place / f"kept-aside/{name}.csv").read_text().splitlines() == [
        "line,reason",
        "4,cannot read date",
    ]


def test_of_overlapping_files_each_row_counts_as_often_as_in_the_one_that_has_it_most(
    archive: Archive, tmp_path: Path
) -> None:
    twice = [row(LEDGER), row(LEDGER), row(LEDGER, fnsku="X002")]
    once = [row(LEDGER, unreconciled_quantity="0"), row(LEDGER, fnsku="X003")]
    keep(archive, tmp_path, twice, order=1)
    keep(archive, tmp_path, once, order=2)
    found = archive.rows(ADA, LEDGER)
    assert found is not None
    told = found.sort(ROW_KEY, OCCURRENCE).select("fnsku", OCCURRENCE, "unreconciled-quantity")
    assert told.rows() == [("X001", 1, 0), ("X001", 2, 1), ("X002", 1, 1), ("X003", 1, 1)]


def test_a_filter_on_the_identity_reaches_the_files(tmp_path: Path) -> None:
    archive = Archive.open(str(tmp_path / "archive"))
    for order in (1, 2):
        keep(archive, tmp_path, [row(LEDGER), row(LEDGER, reason="F")], order=order)
    scan = archive.scan(ADA, LEDGER)
    assert scan is not None
    lost = scan.filter(pl.col("reason") == "M")
    assert 'SELECTION: col("reason") == "M"' in lost.explain()
    assert lost.collect()["reason"].to_list() == ["M"]
    open_rows = lost.filter(pl.col("unreconciled-quantity") == 0)
    assert open_rows.collect().is_empty()


def test_a_document_that_is_not_whole_is_not_there(tmp_path: Path) -> None:
    archive = Archive.open(str(tmp_path / "archive"))
    name = keep(archive, tmp_path, [row(LEDGER)], order=1)
    (aside,) = (archive.root / ADA / LEDGER / "kept-aside").iterdir()
    aside.unlink()
    assert archive.rows(ADA, LEDGER) is None
    assert archive.rows_of([name]) is None


def test_a_type_that_was_read_and_had_no_rows_is_no_unread_type(
    archive: Archive, tmp_path: Path
) -> None:
    assert archive.rows(ADA, LEDGER) is None
    name = keep(archive, tmp_path, [], order=1)
    found = archive.rows(ADA, LEDGER)
    assert found is not None
    assert found.is_empty()
    assert archive.document(name).is_empty()


def test_documents_can_be_read_alone_and_again(archive: Archive, tmp_path: Path) -> None:
    first = keep(archive, tmp_path, [row(LEDGER), row(LEDGER, date="09/01/2026")], order=1)
    again = keep(archive, tmp_path, [row(LEDGER), row(LEDGER, date="09/01/2026")], order=1)
    second = keep(archive, tmp_path, [row(LEDGER, fnsku="X002")], order=2)
    assert first == again
    assert archive.document(first)["line"].to_list() == [2, 3]
    only = archive.rows_of([second])
    assert only is not None
    assert only["fnsku"].to_list() == ["X002"]


def test_a_document_that_is_dropped_is_gone_alone(archive: Archive, tmp_path: Path) -> None:
    names = [keep(archive, tmp_path, [row(LEDGER, fnsku=f"X{n}")], order=n) for n in (1, 2)]
    archive.drop(names[0])
    assert not [key for key, _ in archive.files_of(ADA) if names[0].rsplit("/", 1)[1] in key]
    assert archive.rows_of(names[:1]) is None
    assert archive.document(names[1])["fnsku"].to_list() == ["X2"]
    archive.drop(names[0])


def test_forgetting_a_user_removes_all_of_his_and_nothing_else(
    archive: Archive, tmp_path: Path
) -> None:
    for user_id in (ADA, BEN, f"{ADA}2"):
        keep(archive, tmp_path, [row(LEDGER)], order=1, user_id=user_id)
        keep(archive, tmp_path, [row(SALES)], order=2, user_id=user_id, report_type=SALES)
    archive.forget(ADA)
    assert archive.rows(ADA, LEDGER) is archive.rows(ADA, SALES) is None
    for user_id in (BEN, f"{ADA}2"):
        assert archive.rows(user_id, LEDGER) is not None


def test_nothing_of_a_forgotten_user_is_left_in_the_bucket(storage: Bucket, tmp_path: Path) -> None:
    archive = Archive.open(storage.url, storage.settings)
    keep(archive, tmp_path, [row(LEDGER)], order=1, user_id="usr_gone")
    assert any("usr_gone" in key for key in storage.stored())
    archive.forget("usr_gone")
    assert not any("usr_gone" in key for key in storage.stored())


def test_a_file_that_tells_of_buyers_is_not_kept_only_its_rows(tmp_path: Path) -> None:
    archive = Archive.open(str(tmp_path / "archive"))
    keep(
        archive,
        tmp_path,
        [row(RETURNS)],
        order=1,
        report_type=RETURNS,
        header="\tCustomer-Comments",
    )
    stored = {one.parent.name for one in archive.root.rglob("*") if one.is_file()}
    assert stored == {"2026-09", "kept-aside"}


def test_types_without_a_day_lie_undated(tmp_path: Path) -> None:
    archive = Archive.open(str(tmp_path / "archive"))
    kind = "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA"
    keep(archive, tmp_path, [row(kind)], order=1, report_type=kind)
    assert (archive.root / ADA / kind / UNDATED).is_dir()


def test_a_bucket_that_is_not_there_stops_the_start_with_a_mend(storage: Bucket) -> None:
    with pytest.raises(WrongSetting, match="s3://no-such-bucket/x cannot be written") as wrong:
        Archive.open("s3://no-such-bucket/x", storage.settings)
    assert "AWS_" in wrong.value.mend


def test_the_secret_is_not_shown(storage: Bucket) -> None:
    known = {**storage.settings, "aws_secret_access_key": "hush" + "-hush"}
    assert "hush" not in repr(Archive.open(storage.url, known))


def stored(archive: Archive) -> dict[str, bytes]:
    files = (file for file in archive.root.rglob("*") if file.is_file())
    return {str(file.relative_to(archive.root)): file.read_bytes() for file in files}


def test_a_file_on_the_archives_own_disk_is_kept_without_a_copy(tmp_path: Path) -> None:
    archive = Archive.open(str(tmp_path / "archive"))
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"first")
    second.write_bytes(b"second")
    for _ in range(2):
        archive.keep_file(f"{ADA}/mail/1", first)
        assert stored(archive) == {f"{ADA}/mail/1": b"first"}
    assert (archive.root / ADA / "mail" / "1").samefile(first)
    archive.keep_file(f"{ADA}/mail/1", second)
    assert stored(archive) == {f"{ADA}/mail/1": b"second"}
    first.unlink()
    second.unlink()
    assert archive.file(f"{ADA}/mail/1") == b"second"


def test_a_file_on_another_disk_is_copied(tmp_path: Path) -> None:
    memory = Path("/dev/shm")  # noqa: S108 - a disk of its own on every Linux
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has no second file system")
    archive = Archive.open(str(tmp_path / "archive"))
    with tempfile.NamedTemporaryFile(dir=memory) as file:
        file.write(b"content")
        file.flush()
        archive.keep_file(f"{ADA}/mail/1", Path(file.name))
    assert stored(archive) == {f"{ADA}/mail/1": b"content"}


@pytest.mark.parametrize("key", [f"{ADA}/../../outside", f"../{BEN}/file", f"{ADA}//file"])
def test_no_key_leaves_the_archive(archive: Archive, tmp_path: Path, key: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    with pytest.raises(ValueError, match="parse path"):
        archive.keep_file(key, file)
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / BEN).exists()


def test_a_key_from_the_root_is_one_of_the_archive(archive: Archive, tmp_path: Path) -> None:
    file, outside = tmp_path / "file", tmp_path / "outside"
    file.write_bytes(b"content")
    archive.keep_file(str(outside), file)
    assert not outside.exists()


def test_what_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    archive = Archive.open(str(tmp_path / "archive"))
    file = tmp_path / "file"
    file.write_bytes(b"content")
    (archive.root / ADA / "mail").mkdir(parents=True)
    with pytest.raises(OSError, match="mail"):
        archive.keep_file(f"{ADA}/mail", file)
    assert stored(archive) == {}
