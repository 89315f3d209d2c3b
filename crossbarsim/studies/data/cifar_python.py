"""Safe reader of CIFAR-10's Python batches, which are pickles.

A pickle can name any function to call. Here it can name three, and each is replaced by a stand-in
that only keeps its arguments; the array is put together from the checked bytes afterwards.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import DataError

__all__ = ["read"]


class _Dtype:
    """Stand-in of numpy.dtype."""

    def __init__(self, code: Any = None, *_: Any) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else code

    def __setstate__(self, state: Any) -> None:
        """Byte order and alignment say nothing about single bytes."""


class _ArrayState:
    """Stand-in of an array under construction: keeps what `ndarray.__setstate__` would get."""

    def __init__(self, *_: Any) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, tuple) else ()

    def bytes_array(self) -> NDArray[np.uint8]:
        """Return the (n, pixels) array of unsigned bytes."""
        try:
            _, shape, dtype, fortran, raw = self.state
            count, width = (int(n) for n in shape)
        except (TypeError, ValueError):
            raise ValueError("an array of two dimensions") from None
        if not isinstance(dtype, _Dtype) or dtype.code != "u1" or not isinstance(raw, bytes):
            raise ValueError("an array of unsigned bytes")
        if len(raw) != count * width:
            raise ValueError(f"{count * width} bytes for shape {(count, width)}")
        if fortran:
            return np.frombuffer(raw, np.uint8).reshape(width, count).T
        return np.frombuffer(raw, np.uint8).reshape(count, width)


class _Ndarray:
    """Stand-in of numpy.ndarray, which pickles pass as the subtype to build."""


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    # How protocol 2 of Python 3 writes bytes.
    if encoding != "latin1" or not isinstance(text, str):
        raise pickle.UnpicklingError("only latin1 bytes are expected")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _ArrayState,
    ("numpy._core.multiarray", "_reconstruct"): _ArrayState,
    ("numpy", "ndarray"): _Ndarray,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        found = _ALLOWED.get((module_name, global_name))
        if found is None:
            raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}, refused")
        return found

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError(f"it asks for the persistent object {pid!r}, refused")


def read(path: Path, pixels: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return pixels (n, `pixels`) and labels (n,) of the batch at `path`.

    Raises
    ------
    DataError
        Where the file is not such a batch, or asks for anything else than arrays of bytes.
    """
    try:
        content = path.read_bytes()
        batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}") from error
    except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, KeyError, TypeError,
            ValueError, OverflowError, MemoryError) as error:
        raise DataError(path, f"expected a CIFAR-10 python batch; {error}") from error
    if not isinstance(batch, dict):
        raise DataError(path, f"expected a dictionary; got {type(batch).__name__}")
    batch = {k.decode("latin1") if isinstance(k, bytes) else k: v for k, v in batch.items()}
    data, labels = batch.get("data"), batch.get("labels")
    if not isinstance(data, _ArrayState) or not isinstance(labels, list):
        raise DataError(path, "expected the entries `data` (array) and `labels` (list)")
    try:
        rows = data.bytes_array()
    except ValueError as error:
        raise DataError(path, f"`data` must be {error}") from error
    if not all(isinstance(label, int) for label in labels):
        raise DataError(path, "`labels` must be integers")
    if rows.shape != (len(labels), pixels) or not labels:
        raise DataError(path, f"`data` must have shape {(len(labels), pixels)}, one row per label; "
                              f"got {rows.shape}")
    return rows, np.array(labels, np.int64)
