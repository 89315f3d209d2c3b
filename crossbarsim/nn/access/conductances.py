"""The conductances of a network's arrays, out as arrays and CSV files, and in again."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import nn

from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.files import plain_name, write_text
from ...core.settings import checks_arguments
from ...core.validation import Array, nonnegative
from ..calibrate import stored_names
from ..chip.matrix import StoredMatrix
from ..layers import CrossbarLayer

__all__ = ["conductances", "load_conductances", "save_conductances"]

Conductances: TypeAlias = Mapping[str, Mapping[str, Any]]

_HEAD = "# siemens; a line for each word line, a number for each bit line\n"


@checks_arguments
@torch.no_grad()
def conductances(network: nn.Module) -> dict[str, dict[str, Array]]:
    """Return the conductances of all arrays, as they are programmed, aged and faulty.

    Parameters
    ----------
    network : torch.nn.Module
        A converted network.

    Returns
    -------
    dict of dict of (rows, columns) arrays, siemens
        By the name of the weight matrix (``"features.0"``, ``"attention.q"``; the layer's own,
        where it has one), then by array: ``"0-2-1-positive"`` is the array ``"positive"`` of group
        0, third row and second column of tiles. Rows are word lines, columns are bit lines.

    Raises
    ------
    ParameterError
        No crossbar layers.

    Examples
    --------
    >>> from torch import nn
    >>> from crossbarsim.nn import CrossbarConfig, conductances, convert
    >>> chip = convert(nn.Sequential(nn.Linear(200, 10)), CrossbarConfig())
    >>> {name: G.shape for name, G in conductances(chip)["0"].items()}
    {'0-0-0-positive': (128, 10), '0-0-0-negative': (128, 10), \
'0-1-0-positive': (72, 10), '0-1-0-negative': (72, 10)}
    """
    return {
        name: {key: np.array(G) for key, G in _programmed(*own)}
        for name, own in _matrices(network).items()
    }


@checks_arguments
@torch.no_grad()
def save_conductances(network: nn.Module, folder: str | Path) -> list[Path]:
    """Write the conductances of every array as a CSV file, ``<matrix>-<array>.csv``.

    Parameters
    ----------
    network : torch.nn.Module
        A converted network.
    folder : path
        Made where it is not there.

    Returns
    -------
    list of Path
        The files: names as in `conductances`; siemens, to the last digit, a line for each word
        line.

    Raises
    ------
    ParameterError
        No crossbar layers.
    OSError
        A file that cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from torch import nn
    >>> from crossbarsim.nn import CrossbarConfig, convert, save_conductances
    >>> chip = convert(nn.Sequential(nn.Linear(4, 2)), CrossbarConfig())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in save_conductances(chip, folder)]
    ['0-0-0-0-positive.csv', '0-0-0-0-negative.csv']
    """
    matrices = _matrices(network)
    where = Path(folder)
    where.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, own in matrices.items():
        for key, G in _programmed(*own):
            lines = (",".join(map(repr, row)) for row in G.tolist())
            paths.append(where / _file_name(name, key))
            write_text(paths[-1], _HEAD + "\n".join(lines) + "\n")
    return paths


@checks_arguments
@torch.no_grad()
def load_conductances(network: nn.Module, source: Conductances | str | Path | None) -> None:
    """Give arrays the conductances of a measured chip, from arrays or CSV files.

    What is loaded holds whatever the weights are, in the place of programming, variability, faults
    and ageing; outputs, effective weights, power and ``state_dict`` follow. Wires, converters,
    amplifiers and noise stay those of the configuration, as does the scale between weights and
    conductances: the weights and the configuration are those that the chip was programmed with.
    Nothing changes where anything is refused.

    Parameters
    ----------
    network : torch.nn.Module
        A converted network; changed in place. No gradient runs to weights through loaded arrays.
    source : mapping, path or None
        As `conductances` gives, or a folder as `save_conductances` leaves it (lines with ``#``
        before them are comments). Arrays that are missing stay as they are. None: all arrays
        follow the weights again.

    Raises
    ------
    ParameterError
        No crossbar layers; a matrix, an array or a file that the network does not have; a wrong
        shape; values that are negative, not finite, or no numbers; a folder that is empty or not
        there.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim import Wires
    >>> from crossbarsim.nn import CrossbarConfig, conductances, convert, load_conductances
    >>> config = CrossbarConfig(wires=Wires(word=0.0, bit=0.0))
    >>> chip = convert(nn.Sequential(nn.Linear(4, 2, bias=False)), config)
    >>> G = conductances(chip)
    >>> G["0"]["0-0-0-positive"][:, 1] = G["0"]["0-0-0-negative"][:, 1]  # measured: a weight of 0
    >>> load_conductances(chip, G)
    >>> bool(chip(torch.ones(1, 4))[0, 1].abs() < 1e-6)
    True
    """
    matrices = {name: crossbars for name, (crossbars, *_) in _matrices(network).items()}
    places = {
        (name, key): (place, shape)
        for name, crossbars in matrices.items() for key, place, shape in _arrays(crossbars)
    }
    found: dict[str, dict[Place, torch.Tensor]] = {name: {} for name in matrices}
    if source is not None:
        given = _given(source) if isinstance(source, Mapping) else _read(Path(source), places)
        for (name, key), value in given.items():
            if (name, key) not in places:
                known = [k for n, k in places if n == name] or list(matrices)
                raise ParameterError(_unknown(key if name in matrices else name, known))
            place, shape = places[name, key]
            G = nonnegative(f"source[{name!r}][{key!r}]", value, "S")
            if G.shape != shape:
                raise ParameterError(
                    f"`source[{name!r}][{key!r}]` must have the array's shape, {shape}; "
                    f"got {G.shape}"
                )
            found[name][place] = torch.tensor(G, dtype=torch.float64)
    for name, crossbars in matrices.items():
        if source is None:
            crossbars.chip.measured = {}
        crossbars.chip.measured.update(found[name])
        crossbars.cache.clear()
        if crossbars.chip.kept is not None:
            crossbars.chip.kept = {}


def _matrices(network: nn.Module) -> dict[str, tuple[StoredMatrix, Any, Any]]:
    """Return every matrix's crossbars, weight and bias, by name."""
    own = {
        id(crossbars): (crossbars, weight, bias)
        for module in network.modules() if isinstance(module, CrossbarLayer)
        for crossbars, weight, bias in module.stored_matrices()
    }
    return {name: own[id(crossbars)] for name, crossbars in stored_names(network).items()}


def _arrays(crossbars: StoredMatrix) -> Iterator[tuple[str, Place, tuple[int, int]]]:
    """Yield the name, place and shape of every array."""
    chip = crossbars.chip
    for block in crossbars.blocks():
        row, column = block.tile.index
        for array in chip.layout.arrays:
            key = f"{block.group}-{row}-{column}-{array}"
            yield key, chip.place(block, array), chip.shape(block)


def _programmed(crossbars: StoredMatrix, weight: Any, bias: Any) -> Iterator[tuple[str, Array]]:
    keys = _arrays(crossbars)
    for _, cells in crossbars.arrays(weight, bias):
        for G in cells:
            yield next(keys)[0], G.numpy()


def _file_name(name: str, key: str) -> str:
    return plain_name(f"{name or 'layer'}-{key}.csv")


def _given(source: Conductances) -> dict[tuple[str, str], Any]:
    for name, arrays in source.items():
        if not isinstance(arrays, Mapping):
            raise ParameterError(
                f"`source[{name!r}]` must be a mapping of arrays by name; got "
                f"{type(arrays).__name__}"
            )
    return {(name, key): value for name, arrays in source.items() for key, value in arrays.items()}


def _read(folder: Path, places: Mapping[tuple[str, str], Any]) -> dict[tuple[str, str], Array]:
    """Return the arrays of a folder's CSV files."""
    names = {_file_name(*place): place for place in places}
    if not folder.is_dir():
        raise ParameterError(f"`source` is no folder: {folder}")
    files = sorted(path for path in folder.iterdir() if path.suffix == ".csv")
    if not files:
        raise ParameterError(f"`source` has no CSV files: {folder}")
    result = {}
    for path in files:
        if path.name not in names:
            raise ParameterError(f"`source`: {_unknown(path.name, list(names))}")
        try:
            value = np.loadtxt(path, delimiter=",", ndmin=2, encoding="utf-8")
        except ValueError as error:
            raise ParameterError(f"{path} is no table of numbers: {error}") from error
        result[names[path.name]] = value
    return result


def _unknown(name: Any, known: list[str]) -> str:
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {known[:6]}"
    return f"the network has no {name!r}: {hint}"
