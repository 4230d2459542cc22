"""Upload of report files."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, File, UploadFile

from integrations_backend.dependencies import Runtime, runtime
from integrations_backend.reports.schemas import Upload
from integrations_backend.reports.understand import HandedOver
from integrations_backend.reports.upload import read_upload, read_uploads
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.errors import BadRequest

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Parts = Annotated[Runtime, Depends(runtime)]

MOST_FILES = 20
LONGEST_NAME_CHARS = 120


@router.post("/api/reports/upload", status_code=201)
async def upload_reports(
    caller: Member, parts: Parts, files: Annotated[list[UploadFile], File()]
) -> Upload:
    """Read up to 20 report files; those that cannot be read are in `refused`, each with the reason.

    An upload of which no file can be read is refused whole. Claims are detected afterwards: see its
    status.
    """
    if len(files) > MOST_FILES:
        raise BadRequest(f"at most {MOST_FILES} files in one upload")
    with tempfile.TemporaryDirectory(prefix="opside-upload-") as folder:
        handed_over = [_spool(Path(folder), place, one) for place, one in enumerate(files)]
        return await read_uploads(
            parts.database.sessions, parts.archive, handed_over, user_id=caller.user_id
        )


@router.get("/api/reports/uploads/{upload_id}")
async def read_uploaded(upload_id: str, caller: Member, parts: Parts) -> Upload:
    """An earlier upload of the caller."""
    return await read_upload(parts.database.sessions, user_id=caller.user_id, upload_id=upload_id)


def _spool(folder: Path, place: int, upload: UploadFile) -> HandedOver:
    """To disk under a name of ours: what the seller calls his file is never a path."""
    content = folder / str(place)
    with content.open("wb") as target:
        shutil.copyfileobj(upload.file, target)
    printable = "".join(char for char in upload.filename or "" if char.isprintable())
    return HandedOver(printable[:LONGEST_NAME_CHARS] or f"file {place + 1}", content)
