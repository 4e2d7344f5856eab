"""Reading a GGUF file: its header in one pass, its tensors as raw rows of quantised blocks.

The ``gguf`` package knows the block formats and is used for them; its own reader makes a numpy view of each
of 300,000 vocabulary entries and takes 20 s on the file that this one reads in one.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 2 and 3, little endian).
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from assistant.errors import WeightsError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9


@dataclass(frozen=True)
class GgufTensor:
    """Where a tensor lies. ``shape`` is (rows, columns) or (columns,); ``row_bytes`` the size of one row."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int
    row_bytes: int

    @property
    def rows(self) -> int:
        return int(np.prod(self.shape[:-1], dtype=np.int64))


class GgufFile:
    """An open GGUF file: ``fields`` (header values), ``tensors`` by name, ``raw`` rows. A context manager.

    Raises WeightsError where the file is not GGUF or ends early.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb")
        try:
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            self._file.close()
            raise _damaged(path) from error
        self._at = 0
        self.fields: dict[str, Any] = {}
        self.tensors: dict[str, GgufTensor] = {}
        try:
            self._read_header()
        except (struct.error, LookupError, ValueError) as error:
            self.close()
            raise _damaged(path) from error
        except WeightsError:
            self.close()
            raise

    def __enter__(self) -> "GgufFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if not self._file.closed:
            self._map.close()
            self._file.close()

    def raw(self, tensor: GgufTensor, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Rows ``start:stop`` as a copy, uint8 of shape (rows, row_bytes)."""
        stop = tensor.rows if stop is None else min(stop, tensor.rows)
        begin, end = (tensor.offset + row * tensor.row_bytes for row in (start, stop))
        return np.frombuffer(self._map[begin:end], dtype=np.uint8).reshape(stop - start, tensor.row_bytes)

    def dequantised(self, tensor: GgufTensor, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Rows ``start:stop`` as float32 of shape (rows, columns)."""
        from gguf import GGMLQuantizationType, dequantize

        kind = GGMLQuantizationType(tensor.type)
        rows = self.raw(tensor, start, stop)
        plain = {GGMLQuantizationType.F32: np.float32, GGMLQuantizationType.F16: np.float16}
        if kind in plain:
            return rows.view(plain[kind]).astype(np.float32)
        return dequantize(rows, kind)

    def _read_header(self) -> None:
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

        if self._map[:4] != b"GGUF":
            raise _damaged(self.path)
        self._at = 4
        version, n_tensors, n_fields = self._unpack("<IQQ")
        if version not in (2, 3):
            raise WeightsError(f"{self.path} is GGUF version {version}", "versions 2 and 3 can be read")
        for _ in range(n_fields):
            key = self._string()
            self.fields[key] = self._value(*self._unpack("<I"))
        infos = []
        for _ in range(n_tensors):
            name = self._string()
            (dims,) = self._unpack("<I")
            shape = tuple(reversed(self._unpack(f"<{dims}Q")))
            kind, offset = self._unpack("<IQ")
            infos.append((name, shape, kind, offset))
        alignment = self.fields.get("general.alignment", 32)
        start = -(-self._at // alignment) * alignment
        for name, shape, kind, offset in infos:
            per_block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
            row_bytes = shape[-1] // per_block * block_bytes
            tensor = GgufTensor(name, shape, kind, start + offset, row_bytes)
            if tensor.offset + tensor.rows * row_bytes > len(self._map):
                raise _damaged(self.path)
            self.tensors[name] = tensor

    def _unpack(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(layout, self._map, self._at)
        self._at += struct.calcsize(layout)
        return values

    def _string(self) -> str:
        (length,) = self._unpack("<Q")
        if self._at + length > len(self._map):
            raise IndexError
        text = self._map[self._at : self._at + length]
        self._at += length
        return text.decode()

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._unpack("<" + _SCALARS[kind])[0]
        of, length = self._unpack("<IQ")
        if of in (_STRING, _ARRAY):
            return [self._value(of) for _ in range(length)]
        return list(self._unpack(f"<{length}{_SCALARS[of]}"))


def _damaged(path: Path) -> WeightsError:
    return WeightsError(
        f"{path} is not a whole GGUF file", f"delete it and run the command again: rm '{path}'"
    )
