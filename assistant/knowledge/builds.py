"""The builds of an index on disk: ``index/<build>/`` with a manifest written last, and which one is live.

``index/CURRENT`` names the live build in its first line and the earlier ones, newest first, below it; it is replaced
atomically and is the only thing that makes a build live. A build is made in ``index/.building-<name>/`` and renamed
into place when it is complete. So whatever moment a process dies at, the live build is as it was, and everything that
``CURRENT`` doesn't name is a leftover, which the next build removes.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from assistant.errors import IndexError_
from assistant.files import write_atomic, write_json

FORMAT = 2
CURRENT = "CURRENT"
MANIFEST = "manifest.json"
PASSAGES = "passages.sqlite"
KEPT = 3  # earlier builds kept for the way back
_BUILDING = ".building-"
_LOCK = ".lock"
_LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class Manifest:
    """What a build is made of. ``content`` is the digest of all its passages with who may see them.

    ``vectors`` says which engine holds the vectors, ``mean_words`` how long a passage is on average (0: not known).
    """

    build: str
    created: str
    embedder: str
    fingerprint: str
    dimension: int
    counts: dict[str, int]
    content: str
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    unreadable: list[dict[str, str]] = field(default_factory=list)
    canaries: dict[str, Any] = field(default_factory=dict)
    vectors: dict[str, Any] = field(default_factory=dict)
    mean_words: float = 0.0
    format: int = FORMAT


def index_dir(home: Path) -> Path:
    return Path(home).expanduser() / "index"


def published(home: Path) -> list[str]:
    """Names of the published builds, the live one first; empty before the first build."""
    try:
        return (index_dir(home) / CURRENT).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return []


def read_manifest(home: Path, build: str) -> Manifest:
    """The manifest of a build, after a look at its files' sizes. Raises IndexError_ where something is missing."""
    folder = index_dir(home) / build
    try:
        known = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if known.get("format", 0) > FORMAT:
            raise IndexError_(
                f"The index was built by a newer version (format {known['format']}, this one reads {FORMAT})",
                "update crm-assistant, or build again: crm-assistant index build",
            )
        manifest = Manifest(**known)
        sizes = {name: (folder / name).stat().st_size for name in manifest.files}
    except (OSError, ValueError, TypeError) as problem:
        raise IndexError_(
            f"Build {build} of the index is damaged", "crm-assistant index rollback, or index build"
        ) from problem
    for name, size in sizes.items():
        if size != manifest.files[name]["bytes"]:
            raise IndexError_(
                f"{name} of build {build} is damaged", "crm-assistant index rollback, or index build"
            )
    return manifest


def verify(home: Path, build: str) -> None:
    """Compare every file of a build with its digest. Raises IndexError_."""
    for name, known in read_manifest(home, build).files.items():
        if _digest(index_dir(home) / build / name) != known["sha256"]:
            raise IndexError_(
                f"{name} of build {build} is damaged", "crm-assistant index rollback, or index build"
            )


@contextmanager
def exclusive(home: Path, wait: float = 0.0) -> Iterator[None]:
    """One build or rollback at a time. Waits up to ``wait`` seconds, then raises IndexError_.

    A moment it waits in any case, as :func:`being_built` holds the lock while it looks.
    """
    folder = index_dir(home)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=max(wait, _LOOK_SECONDS))
    except Timeout as problem:
        raise IndexError_(
            "Another build of this index is running",
            "wait for it to end, then try again; the live index is unharmed",
        ) from problem
    try:
        yield
    finally:
        lock.release()


@contextmanager
def new_build(home: Path) -> Iterator[tuple[str, Path]]:
    """(name, empty folder) of a build in the making; the folder is gone afterwards unless it was published."""
    name = datetime.now().strftime("%Y%m%d-%H%M%S-%f")[:-3]
    folder = index_dir(home) / f"{_BUILDING}{name}"
    folder.mkdir(parents=True)
    try:
        yield name, folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(home: Path, folder: Path, manifest: Manifest) -> None:
    """Finish the build in ``folder`` (digests, manifest last), make it live, remove the oldest ones."""
    files = {}
    for path in sorted(folder.iterdir()):
        _flush(path)
        files[path.name] = {"bytes": path.stat().st_size, "sha256": _digest(path)}
    write_json(folder / MANIFEST, {**asdict(manifest), "files": files})
    _flush(folder)
    folder.rename(index_dir(home) / manifest.build)
    _point(home, [manifest.build, *published(home)[:KEPT]])
    remove_leftovers(home)


def step_back(home: Path) -> str:
    """Make the build before the live one live; the name of the now live build. Hold the lock. Raises IndexError_."""
    builds = published(home)
    if len(builds) < 2:
        raise IndexError_("There is no earlier build to go back to", "crm-assistant index build")
    verify(home, builds[1])
    _point(home, builds[1:])
    return builds[1]


def forget(home: Path, names: Collection[str]) -> None:
    """Remove these earlier builds, so that nobody can go back to them. Hold the lock."""
    if names:
        _point(home, [name for name in published(home) if name not in names])
        remove_leftovers(home)


def remove_leftovers(home: Path) -> list[str]:
    """Remove every folder that ``CURRENT`` doesn't name, and half-written files. Hold the lock."""
    kept, removed = set(published(home)), []
    for path in index_dir(home).iterdir():
        if path.is_dir() and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path.name)
        elif path.is_file() and path.name.startswith(f".{CURRENT}."):
            path.unlink(missing_ok=True)
            removed.append(path.name)
    return removed


def being_built(home: Path) -> bool:
    """Whether a build or a rollback runs now, in this or another process."""
    folder = index_dir(home)
    if not folder.is_dir():
        return False
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _point(home: Path, builds: list[str]) -> None:
    folder = index_dir(home)
    write_atomic(folder / CURRENT, "\n".join(builds) + "\n")
    _flush(folder)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
