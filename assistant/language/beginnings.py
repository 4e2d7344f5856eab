"""What the model has computed of the texts that its prompts begin with, kept on disk for the next process.

Only constant instructions are ever written (``ChatModel.prepare``), never a question, evidence, or a customer's text.
A file belongs to one model's weights and one list of token ids, by its name; it is read only for these.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from assistant.files import write_atomic

log = logging.getLogger(__name__)
_FILES = 24  # roles by languages by tones, twice: some 3 MB each
_FORMAT = 1


class Beginnings:
    """Files of keys and values in ``folder``, for the model in ``weights`` as ``runner`` computes it."""

    def __init__(self, folder: Path, weights: Path, runner: str) -> None:
        self._folder = folder
        marks = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in _big(weights)]
        self._model = json.dumps([_FORMAT, runner, torch.__version__, marks])

    def has(self, ids: Sequence[int]) -> bool:
        return self._path(ids).is_file()

    def read(self, ids: Sequence[int]) -> dict[str, torch.Tensor] | None:
        """None where nothing is kept for these ids, or not readable."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        path = self._path(ids)
        try:
            found: dict[str, torch.Tensor] = load(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError) as problem:
            log.warning("%s can't be read and is computed anew: %s", path, problem)
            return None
        return found

    def write(self, ids: Sequence[int], tensors: dict[str, torch.Tensor]) -> None:
        """Atomic. A disk that is full or may not be written costs time at the next start, no more."""
        from safetensors.torch import save

        try:
            write_atomic(self._path(ids), save(tensors))
            kept = sorted(self._folder.glob("*.safetensors"), key=lambda file: file.stat().st_mtime)
            for old in kept[:-_FILES]:
                old.unlink(missing_ok=True)
        except OSError as problem:
            log.warning("%s: %s", self._folder, problem)

    def _path(self, ids: Sequence[int]) -> Path:
        name = hashlib.sha256(f"{self._model}{list(ids)}".encode()).hexdigest()[:32]
        return self._folder / f"{name}.safetensors"


def _big(weights: Path) -> list[Path]:
    return sorted(file for file in weights.iterdir() if file.suffix in (".safetensors", ".bin", ".json"))
