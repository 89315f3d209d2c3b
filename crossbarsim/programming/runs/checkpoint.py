"""How far a run of program-and-verify has come, kept in a file, so that a killed one goes on."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from ...core.environment import array_text, differences, package_version
from ...core.errors import NetlistError, ParameterError
from ...core.files import check_writable, save_arrays
from ...core.locks import FolderLock
from ...core.npz import open_npz
from ...netlists.crossbar.crossbar import Crossbar
from ..ladder import Ladder
from .state import ladders_from

__all__ = ["Checkpoint", "described"]

_FORMAT = 1
_PAUSE = 1.0  # second, at least, from one checkpoint to the next
_SHARE = 0.02  # of the run's time that may go into checkpoints
_REMEDY = "delete it to begin again (--restart on the command line), or choose another file"


class Checkpoint:
    """The file of a run's checkpoints, one after the other, each in the place of the one before.

    The folder belongs to the run until the end of the ``with``.

    Parameters
    ----------
    path : str or Path, optional
        Made, with its folder, where it does not exist; None keeps nothing.
    context : mapping
        JSON values: everything that the run's result depends on.

    Attributes
    ----------
    found : dict of arrays, optional
        What an earlier run has kept.

    Raises
    ------
    ParameterError
        The file is of a run with other settings, all of which are named, or of another version;
        or another run writes into the folder.
    NetlistError
        The file is damaged, or no checkpoint.
    OSError
        The file cannot be written.
    """

    def __init__(self, path: str | Path | None, context: Mapping[str, Any]) -> None:
        self.path = None if path is None else Path(path)
        # what JSON makes of it is what the file will say
        self.context: dict[str, Any] = json.loads(json.dumps(context))
        self.found: dict[str, Any] | None = None
        self._cost, self._last = 0.0, time.monotonic()
        if self.path is None:
            return
        if self.path.suffix.lower() != ".npz":
            raise ParameterError(f"`checkpoint` must be a .npz file; got {str(path)!r:.60}")
        self._lock = FolderLock(self.path.parent)
        try:
            check_writable(self.path)
            if self.path.exists():
                self.found = self._read(self.path)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.path is not None:
            self._lock.release()

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            with open_npz(path, "checkpoint") as data:
                arrays = {name: data[name] for name in data.files}  # whose check sums are read, too
                header = json.loads(str(arrays.pop("checkpoint")))
                found, version, format_ = (header[n] for n in ("context", "version", "format"))
        except NetlistError as error:
            raise NetlistError(f"{error.message}: {_REMEDY}", file=str(path)) from error
        now = package_version("crossbarsim")
        if (format_, version) != (_FORMAT, now):
            raise ParameterError(
                f"{path} is the checkpoint of crossbarsim {version!r:.40}, format {format_!r:.20}; "
                f"this is {now}, format {_FORMAT}: {_REMEDY}"
            )
        if found != self.context:
            raise ParameterError(
                f"{path} is the checkpoint of a run with other settings "
                f"({differences(found, self.context)}): go on with those, {_REMEDY}"
            )
        return arrays

    def ladders(self) -> dict[int, Ladder] | None:
        """Return the ladders that an earlier run has found; None where it left nothing."""
        if self.found is None:
            return None
        try:
            return ladders_from(str(self.found["ladders"]))
        except (ParameterError, LookupError, TypeError, ValueError) as error:
            raise self.damaged(error) from error

    def damaged(self, error: Exception) -> NetlistError:
        """Return the error of contents that are no state of this run."""
        said = error.message if isinstance(error, NetlistError) else (
            f"is damaged, or not a saved checkpoint ({type(error).__name__}: {error})")
        return NetlistError(f"{said}: {_REMEDY}", file=str(self.path))

    def offer(self, arrays: Callable[[], Mapping[str, Any]], *, now: bool = False) -> None:
        """Save what `arrays` returns, if it is time for that again, or `now`."""
        if self.path is None:
            return
        start = time.monotonic()
        if not now and start - self._last < max(_PAUSE, self._cost / _SHARE):
            return
        header = {"format": _FORMAT, "version": package_version("crossbarsim"),
                  "context": self.context}
        save_arrays(self.path, checkpoint=np.array(json.dumps(header)), **arrays())
        self._last = time.monotonic()
        self._cost = self._last - start


def described(settings: Mapping[str, Any], xbar: Crossbar) -> dict[str, Any]:
    """Return the settings of a run, and all that defines its array, as JSON holds them."""
    found: dict[str, Any] = {}
    for name, value in {**settings, **_array(xbar)}.items():
        found |= _entries(name, value)
    return found


def _entries(name: str, value: Any) -> dict[str, Any]:
    """Return a value as entries of a context, one for each of its parts."""
    if value is None or isinstance(value, (bool, int, str)):
        return {name: value}
    if isinstance(value, (float, np.floating)):
        return {name: float(value)}
    if isinstance(value, (np.ndarray, np.generic)):
        return {name: value.item() if value.ndim == 0 else array_text(value)}
    if isinstance(value, np.random.SeedSequence):
        return {name: str([value.entropy, value.spawn_key, value.pool_size])}
    kind = {} if isinstance(value, (Mapping, tuple, list)) else {name: type(value).__qualname__}
    parts: dict[Any, Any]
    if isinstance(value, Mapping):
        parts = dict(value)
    elif isinstance(value, (tuple, list)):
        parts = dict(enumerate(value))
    elif is_dataclass(value):
        parts = {f.name: getattr(value, f.name) for f in fields(value)}
    else:
        parts = dict(vars(value)) if hasattr(value, "__dict__") else {}
    inner = (_entries(f"{name}.{key}", each) for key, each in parts.items())
    return {**kind, **{key: each for entry in inner for key, each in entry.items()}}


def _array(xbar: Crossbar) -> dict[str, Any]:
    """Return everything that defines an array, also of cells that cannot be saved."""
    cells: Any = xbar.cells
    try:
        found = xbar.to_arrays()
        for name in ("crossbar", "cells"):
            found[name] = json.loads(str(found[name]))
    except ParameterError:  # modules of files, or cells of somebody else's
        found = {"wires": {n: getattr(xbar.wires, n) for n in type(xbar.wires).__slots__},
                 "ends": repr(xbar.ends), "layout": xbar.layout,
                 "cells": type(cells).__qualname__, "cell_state": cells.state,
                 "cell_gates": cells.gates(), "cell_capacitance": cells.capacitance}
        for name in ("device", "selector", "transistor"):
            part: Any = getattr(cells, name, None)
            if hasattr(part, "settings"):
                found[name] = {"model": type(part).__qualname__, **part.settings()}
        for name in ("gate_along", "transistor_side", "temperature", "tables"):
            found[f"cell_{name}"] = getattr(cells, name, None)
    for name in ("device", "selector", "transistor"):
        part = getattr(cells, name, None)
        if getattr(part, "made_of_file", False):
            found[f"{name}_file"] = _hash(Path(part.path).read_bytes())
        elif hasattr(part, "law"):
            found[f"{name}_laws"] = _hash(part.law().encode())
    return found


def _hash(content: bytes) -> str:
    return f"sha256 {hashlib.sha256(content).hexdigest()[:12]}"
