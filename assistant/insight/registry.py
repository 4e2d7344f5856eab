"""Where trained models live: ``home/models/<name>/<version>/`` with a manifest, old versions kept, a way
back.

A version's folder is filled under a temporary name, its manifest is written last, and then the folder is
renamed, so a folder with a version's name is always complete. ``CURRENT`` names the version in place and is
replaced atomically; ``placed.json`` remembers the order in which versions were put in place, which is what
:func:`rollback` walks back.
"""

import hashlib
import json
import logging
import math
import os
import platform
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from pathlib import Path
from threading import Lock
from typing import Any

from assistant.errors import ModelError
from assistant.files import write_atomic, write_json

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int | None], None]
"""``progress(phase, done, total)``; ``total`` is None when it isn't known."""

# Which figure decides whether a model is better, first that both models have; and whether more of it is
# better.
DECIDING: tuple[tuple[str, bool], ...] = (
    ("log_loss", False),
    ("auc", True),
    ("ndcg_at_10", True),
    ("recall_at_10", True),
    ("macro_f1", True),
    ("accuracy", True),
    ("silhouette", True),
    ("mase", False),
    ("mae", False),
    ("rmse", False),
)
_LOWER_IS_BETTER = re.compile(r"loss|brier|error|mae|mase|rmse|mape|mase|wape|smape|deviance", re.I)
_TOLERANCE = 0.02  # share of the old figure that counts as noise where no spread is known
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_MODEL_FILE = "model.joblib"
_KEPT_LIBRARIES = ("scikit-learn", "lightgbm", "numpy", "pandas")


@dataclass(frozen=True)
class TrainReport:
    """What one training run did; ``as_dict()`` is what ``train --json`` prints.

    ``version`` is None when nothing could be trained (then ``notes`` says why); ``kept`` says whether the
    new version is the one in place now. ``left_out`` holds ``{"column": ..., "reason": ...}`` per column
    that wasn't used.
    """

    model: str
    version: str | None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    left_out: Sequence[Mapping[str, str]] = ()
    rows: int = 0
    seconds: float = 0.0
    kept: bool = True
    notes: Sequence[str] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "version": self.version,
            "metrics": plain(self.metrics),
            "left_out": [dict(item) for item in self.left_out],
            "rows": int(self.rows),
            "seconds": round(float(self.seconds), 2),
            "kept": self.kept,
            "notes": list(self.notes),
            "details": plain(self.details),
        }


@dataclass(frozen=True)
class SavedModel:
    """One saved version of a model, as its manifest tells it."""

    name: str
    version: str
    at: str
    metrics: Mapping[str, Any]
    features: Sequence[str]
    data_hash: str
    report: Mapping[str, Any]
    current: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "at": self.at,
            "metrics": dict(self.metrics),
            "features": list(self.features),
            "data_hash": self.data_hash,
            "report": dict(self.report),
            "current": self.current,
        }


@dataclass(frozen=True)
class Comparison:
    """Whether a new model may take the place of an old one, and the sentence that says why."""

    better: bool  # at least not clearly worse
    metric: str | None
    new: float | None
    old: float | None
    reason: str

    def __bool__(self) -> bool:
        return self.better


def better(new: Mapping[str, Any], old: Mapping[str, Any] | None, *, metric: str | None = None) -> Comparison:
    """Compare two models' figures; truthy unless ``new`` is clearly worse than ``old``.

    The deciding figure is ``metric`` or the first of :data:`DECIDING` that both have. "Clearly" means by
    more than the figures' spread over folds (``<metric>_sd``, of either) or, without one, by more than 2 %
    of the old figure.
    """
    if not old:
        return Comparison(True, None, None, None, "the first model")
    names = [metric] if metric else [name for name, _ in DECIDING]
    name = next((n for n in names if n in new and n in old), None)
    if name is None:
        return Comparison(True, None, None, None, "no figure that both models have")
    # a manifest has null where a figure was not a number
    new_value, old_value = (math.nan if m[name] is None else float(m[name]) for m in (new, old))
    if not math.isfinite(new_value):
        return Comparison(not math.isfinite(old_value), name, new_value, old_value, f"{name} is not a number")
    if not math.isfinite(old_value):
        return Comparison(True, name, new_value, old_value, f"the old model's {name} is not a number")
    up = dict(DECIDING).get(name, not _LOWER_IS_BETTER.search(name))
    spreads = [float(m[f"{name}_sd"]) for m in (new, old) if m.get(f"{name}_sd") is not None]
    slack = max(spreads, default=0.0) or abs(old_value) * _TOLERANCE
    gain = (new_value - old_value) if up else (old_value - new_value)
    verdict = "better" if gain > slack else "worse" if gain < -slack else "about as good"
    reason = f"{name} {new_value:.4g} against {old_value:.4g} of the model in place: {verdict}"
    return Comparison(gain >= -slack, name, new_value, old_value, reason)


def save_model(
    home: Path,
    name: str,
    estimator: Any,
    *,
    metrics: Mapping[str, Any],
    features: Sequence[str],
    data_hash: str,
    report: Mapping[str, Any] | None = None,
    force: bool = False,
    metric: str | None = None,
    rival: Mapping[str, Any] | None = None,
) -> str:
    """Save a fitted estimator as a new version and put it in place unless it is clearly worse; the
    version's name.

    ``metrics`` are the figures measured in this run (floats, with ``<metric>_sd`` for their spread where
    known), ``features`` the columns it reads, ``data_hash`` from :func:`hash_data`, ``report`` anything
    else worth keeping (JSON). A model that is clearly worse than the one in place (:func:`better`) is saved
    and not put in place unless ``force``. Where the old one's figures are of other data, ``rival`` gives those that it
    reaches on today's; :func:`current_version` and ``SavedModel.report["comparison"]``
    say what happened.
    """
    import joblib

    root = _root(home, name)
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root):
        for left_over in root.glob(".partial-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        version = f"v{max((_number(v) for v in _versions(root)), default=0) + 1}"
        in_place = _current(root)
        old = _manifest_or_none(root, in_place)
        comparison = better(metrics, (rival or old["metrics"]) if old else None, metric=metric)
        partial = root / f".partial-{version}-{os.getpid()}"
        partial.mkdir()
        try:
            path = partial / _MODEL_FILE
            joblib.dump(estimator, path, compress=3)
            _sync(path)
            manifest = {
                "name": name,
                "version": version,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "metrics": plain(metrics),
                "features": [str(f) for f in features],
                "data_hash": data_hash,
                "report": {**plain(report or {}), "comparison": comparison.reason},
                "files": {_MODEL_FILE: {"sha256": _sha256(path), "bytes": path.stat().st_size}},
                "python": platform.python_version(),
                "libraries": _libraries(),
            }
            write_json(partial / "manifest.json", manifest)
            partial.rename(root / version)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        if old is None or comparison or force:
            _place(root, version)
        else:
            log.warning("%s %s is saved but not put in place: %s", name, version, comparison.reason)
        return version


def load_model(home: Path, name: str, version: str | None = None) -> Any:
    """The fitted estimator in place (or of ``version``), with ``.version`` and ``.metrics`` set.

    Raises :class:`ModelError` when there is none, when a file isn't the one that was saved, or when it was
    saved by a library version that this one can't read. The same object is returned until another version
    is asked for.
    """
    root = _root(home, name)
    wanted = version or _current(root)
    if wanted is None:
        raise ModelError(f"No {name} model has been trained yet", f"crm-assistant train {_command(name)}")
    if wanted not in _versions(root):
        kept = ", ".join(_versions(root)) or "none"
        raise ModelError(f"There is no version {wanted} of the {name} model", f"saved versions: {kept}")
    path = root / wanted / _MODEL_FILE
    try:
        stat = path.stat()
    except FileNotFoundError:
        raise _damaged(name, wanted, f"{_MODEL_FILE} is missing") from None
    key = (str(path.resolve()), stat.st_mtime_ns, stat.st_size)
    with _cache_lock:
        if key in _cache:
            return _cache[key]
    manifest = _manifest(root, wanted)
    if _sha256(path) != manifest["files"].get(_MODEL_FILE, {}).get("sha256"):
        raise _damaged(name, wanted, "its SHA-256 differs from the manifest's")
    estimator = _unpickle(path, name, wanted)
    for attribute, value in (("version", wanted), ("metrics", manifest["metrics"])):
        object.__setattr__(estimator, attribute, value)  # a frozen dataclass may be a model too
    with _cache_lock:
        while len(_cache) >= 16:
            _cache.pop(next(iter(_cache)))
        _cache[key] = estimator
    return estimator


def current_version(home: Path, name: str) -> str | None:
    """The version in place, None when there is none."""
    return _current(_root(home, name))


def history(home: Path, name: str) -> list[SavedModel]:
    """All saved versions, newest first; a version whose manifest can't be read is left out."""
    root = _root(home, name)
    current = _current(root)
    saved = []
    for version in reversed(_versions(root)):
        manifest = _manifest_or_none(root, version)
        if manifest is not None:
            saved.append(
                SavedModel(
                    name,
                    version,
                    manifest["at"],
                    manifest["metrics"],
                    manifest["features"],
                    manifest["data_hash"],
                    manifest.get("report", {}),
                    version == current,
                )
            )
    return saved


def model_names(home: Path) -> list[str]:
    """Names of all models with a version in place."""
    folder = Path(home) / "models"
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if _NAME.fullmatch(p.name) and _current(p))


def not_placed(home: Path, name: str, version: str) -> str:
    """The sentence about a version that :func:`save_model` kept out, with its figures."""
    comparison = next(
        (v.report.get("comparison", "") for v in history(home, name) if v.version == version), ""
    )
    return (
        f"{version} is clearly worse than {current_version(home, name)} and was not put in place ({comparison}); "
        "--force does so all the same"
    )


def note_record(home: Path, name: str, version: str, facts: Mapping[str, Any]) -> None:
    """Keep in a version's manifest what the record was like when it was trained, as ``report["record"]``."""
    root = _root(home, name)
    with _locked(root):
        manifest = _manifest(root, version)
        manifest["report"] = {**manifest.get("report", {}), "record": plain(facts)}
        write_json(root / version / "manifest.json", manifest)


def put_in_place(home: Path, name: str, version: str) -> None:
    """Make ``version`` the one that :func:`load_model` returns."""
    root = _root(home, name)
    if not root.is_dir():
        raise ModelError(f"No {name} model has been trained yet", f"crm-assistant train {_command(name)}")
    with _locked(root):
        if version not in _versions(root):
            kept = ", ".join(_versions(root)) or "none"
            raise ModelError(f"There is no version {version} of the {name} model", f"saved versions: {kept}")
        _place(root, version)


def rollback(home: Path, name: str) -> str:
    """Put the version back that was in place before this one, and return its name.

    Versions that were saved but never in place, and damaged ones, are passed over.
    """
    root = _root(home, name)
    current = _current(root)
    if current is None:
        raise ModelError(f"No {name} model has been trained yet", f"crm-assistant train {_command(name)}")
    with _locked(root):
        placed = _placed(root)
        while placed and (placed[-1] == current or not _intact(root, placed[-1])):
            placed.pop()
        if not placed:
            raise ModelError(
                f"There is no earlier {name} model to go back to", f"crm-assistant train {_command(name)}"
            )
        write_json(root / "placed.json", placed)
        write_atomic(root / "CURRENT", placed[-1] + "\n")
        return placed[-1]


def hash_data(*parts: Any) -> str:
    """SHA-256 (16 hex digits) of data frames (values, columns and order), arrays, texts and plain values."""
    import numpy as np
    import pandas as pd

    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, pd.DataFrame | pd.Series):
            frame = part.to_frame() if isinstance(part, pd.Series) else part
            digest.update("\x1f".join(map(str, frame.columns)).encode())
            for column in range(frame.shape[1]):
                values = frame.iloc[:, column]
                try:
                    hashed = pd.util.hash_pandas_object(values, index=False)
                except TypeError:  # lists or dicts inside
                    hashed = pd.util.hash_pandas_object(values.astype(str), index=False)
                digest.update(hashed.to_numpy().tobytes())
        elif isinstance(part, np.ndarray):
            digest.update(str((part.dtype, part.shape)).encode() + np.ascontiguousarray(part).tobytes())
        else:
            digest.update(repr(part).encode())
        digest.update(b"\x1e")
    return digest.hexdigest()[:16]


def plain(value: Any) -> Any:
    """``value`` in types that JSON knows: numpy numbers and arrays, paths, dates and NaN (None) included."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # numpy arrays and numbers
        return plain(value.tolist())
    if hasattr(value, "as_dict"):
        return plain(value.as_dict())
    if isinstance(value, Sequence | set | frozenset):
        return [plain(v) for v in value]
    return str(value)


_cache: dict[tuple[str, int, int], Any] = {}
_cache_lock = Lock()


def _root(home: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ModelError(f"{name!r} is not a name of a model", "use small letters, digits, - and _")
    return Path(home) / "models" / name


def _command(name: str) -> str:
    """What follows ``crm-assistant train`` for a model: those over tables are called after what they predict."""
    if name == "intents-table":
        return "intents --table FILE --text COLUMN --label COLUMN"
    if name == "scorecard" or name.endswith("-table"):
        return f"{name.removesuffix('-table')} --table FILE --target COLUMN"
    return name


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        with FileLock(root / ".lock", timeout=60):
            yield
    except Timeout:
        raise ModelError(
            f"Another process is saving the {root.name} model", "wait for it to end and try again"
        ) from None


def _number(version: str) -> int:
    return int(version[1:])


def _versions(root: Path) -> list[str]:
    """Complete versions, oldest first."""
    if not root.is_dir():
        return []
    return sorted((p.name for p in root.iterdir() if re.fullmatch(r"v\d+", p.name)), key=_number)


def _current(root: Path) -> str | None:
    try:
        return (root / "CURRENT").read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def _placed(root: Path) -> list[str]:
    try:
        return list(json.loads((root / "placed.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return []


def _place(root: Path, version: str) -> None:
    placed = _placed(root)
    if not placed or placed[-1] != version:
        placed.append(version)
    write_json(root / "placed.json", placed)
    write_atomic(root / "CURRENT", version + "\n")


def _manifest(root: Path, version: str) -> dict[str, Any]:
    try:
        manifest = json.loads((root / version / "manifest.json").read_text(encoding="utf-8"))
        if not {"metrics", "features", "data_hash", "files", "at"} <= set(manifest):
            raise ValueError("fields are missing")
    except (OSError, ValueError) as error:
        raise _damaged(root.name, version, f"manifest.json can't be read ({error})") from error
    return manifest


def _manifest_or_none(root: Path, version: str | None) -> dict[str, Any] | None:
    if version is None:
        return None
    try:
        return _manifest(root, version)
    except ModelError:
        return None


def _intact(root: Path, version: str) -> bool:
    manifest = _manifest_or_none(root, version)
    path = root / version / _MODEL_FILE
    return (
        manifest is not None and path.is_file() and _sha256(path) == manifest["files"][_MODEL_FILE]["sha256"]
    )


def _unpickle(path: Path, name: str, version: str) -> Any:
    import joblib
    from sklearn.exceptions import InconsistentVersionWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            return joblib.load(path)
    except MemoryError:
        raise
    except Exception as error:
        raise ModelError(
            f"Version {version} of the {name} model can't be read by the libraries installed here: {error}",
            f"crm-assistant train {_command(name)}",
        ) from error


def _damaged(name: str, version: str, why: str) -> ModelError:
    return ModelError(
        f"Version {version} of the {name} model is damaged: {why}",
        f"crm-assistant train {_command(name)}, or go back to an earlier version",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _libraries() -> dict[str, str]:
    found = {}
    for library in _KEPT_LIBRARIES:
        try:
            found[library] = package_version(library)
        except PackageNotFoundError:
            continue
    return found
