"""Who Postgres runs as when we are root (it refuses root), and what that user may reach."""

import os
import pwd
import shutil
import tempfile
from pathlib import Path
from typing import Any

_COPY_PREFIX = "opside-postgres-"


def server_user() -> pwd.struct_passwd | None:
    """Who Postgres runs as when we are root; None when we are not."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def as_server_user() -> dict[str, Any]:
    """The arguments of `subprocess` that make a process run as that user."""
    user = server_user()
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def give_to_server(path: Path) -> None:
    """Make that user the owner of a file or folder."""
    user = server_user()
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def reachable_by(user: pwd.struct_passwd, path: Path) -> bool:
    """True when the user may execute the file and pass every folder above it."""
    for part in (path, *path.parents):
        status = part.stat()
        mode = status.st_mode
        if not (mode & 0o001 or (status.st_uid == user.pw_uid and mode & 0o100)):
            return False
    return True


def lend_copy(package: Path) -> Path:
    """A copy of the binaries and their libraries (30 MB) that everybody may read and only we change."""
    _remove_copies_of_the_dead()
    copy = Path(tempfile.mkdtemp(prefix=f"{_COPY_PREFIX}{os.getpid()}-"))
    copy.chmod(0o755)
    shutil.copytree(
        package, copy / package.name, ignore=shutil.ignore_patterns("include", "doc", "*.a")
    )
    libraries = package.parent / f"{package.name}.libs"
    shutil.copytree(libraries, copy / libraries.name)
    return copy


def _remove_copies_of_the_dead() -> None:
    for copy in Path(tempfile.gettempdir()).glob(f"{_COPY_PREFIX}*-*"):
        pid = copy.name.removeprefix(_COPY_PREFIX).partition("-")[0]
        ours = not copy.is_symlink() and copy.stat().st_uid == os.geteuid()
        if ours and pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(copy, ignore_errors=True)
