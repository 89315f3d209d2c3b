"""Arrays among the values of a point: small ones in the record's line, others in files beside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...core.files import save_array

__all__ = ["ArrayStore"]

_SMALL = 64  # numbers that a line may hold
_MARK = "array"


class ArrayStore:
    """The arrays of a record, in the folder ``arrays`` beside it.

    Parameters
    ----------
    folder : Path or None
        Of the record; None: nothing is kept, arrays stay as they are.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = None if folder is None else folder / "arrays"

    def put(self, key: Any, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values as JSON holds them; arrays that are not small are written first."""
        return {name: self._told(key, name, value) for name, value in values.items()}

    def _told(self, key: Any, name: str, value: Any) -> Any:
        if self.folder is None or not isinstance(value, np.ndarray):
            return value
        about = {"dtype": value.dtype.str, "shape": list(value.shape)}
        if value.size <= _SMALL:
            return {_MARK: {**about, "values": value.ravel().tolist()}}
        sha = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
        place = hashlib.sha256(json.dumps([key, name]).encode()).hexdigest()[:16]
        self.folder.mkdir(exist_ok=True)
        save_array(self.folder / f"{place}.npy", value)
        return {_MARK: {**about, "file": f"{place}.npy", "sha256": sha}}

    def get(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the values of a point with their arrays; None where one of them is not whole."""
        found = {}
        for name, value in values.items():
            if isinstance(value, Mapping) and _MARK in value:
                array = self._array(value[_MARK])
                if array is None:
                    return None
                found[name] = array
            else:
                found[name] = value
        return found

    def _array(self, about: Mapping[str, Any]) -> Any:
        if "values" in about:
            array = np.array(about["values"], dtype=about["dtype"])
            return array.reshape(about["shape"])
        if self.folder is None:
            return None
        try:
            array = np.load(self.folder / str(about["file"]), allow_pickle=False)
        except (OSError, ValueError, EOFError):  # gone, or cut short: it is measured again
            return None
        whole = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
        return array if whole == about["sha256"] else None
