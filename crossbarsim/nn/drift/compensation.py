"""Digital factors that bring back what drift takes, from reads of known inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.settings import checks_arguments
from ...core.validation import choice, count
from ...core.views.brief import brief_repr
from ..calibrate import evaluating, stored_names
from ..chip.matrix import StoredMatrix
from ..chip.programmed import ProgrammedTile
from ..layers import CrossbarLayer

__all__ = ["DriftReference", "compensate_drift", "reference_reads"]

_ROOM = 0.9  # of the converters' range
_LEAST = 0.05  # of what was read: below this a column tells nothing


@dataclass(frozen=True, eq=False)
class DriftReference:
    """What the arrays of a network gave for known inputs: `reference_reads`.

    Attributes
    ----------
    patterns : dict of str to (reads, groups, inputs) tensor
        Inputs over their range, by the name of the matrix as `calibrate` has it.
    values : dict of str to list of (reads, outputs) tensors
        What every tile gave, means over the repeats.
    """

    patterns: dict[str, Tensor]
    values: dict[str, list[Tensor]]

    __repr__ = brief_repr


@checks_arguments
@torch.no_grad()
def reference_reads(
    model: nn.Module, *, reads: int = 64, repeats: int = 8, seed: int = 0
) -> DriftReference:
    """Read the arrays of a converted network with known inputs, for `compensate_drift` later.

    Every line is driven, half of them (by chance) with the opposite sign, or not at all where
    inputs have no sign, through the same wires, converters and noise as anything else, and as
    strongly as the converters' range allows.

    Parameters
    ----------
    model : torch.nn.Module
        A converted network, calibrated where it needs that.
    reads : int
        Input vectors, default 64.
    repeats : int
        Of every one of them, against noise; default 8.
    seed : int
        Of the inputs.

    Returns
    -------
    DriftReference

    Raises
    ------
    ParameterError
        No crossbar layers, or ranges that are not known.
    """
    count("reads", reads, low=2, high=2**20)
    count("repeats", repeats, low=1, high=2**20)
    count("seed", seed, low=0)
    patterns, values = {}, {}
    with evaluating(model):
        for name, (stored, weight, bias) in _weights(model).items():
            shape = (reads, stored.groups, stored.inputs)
            drawn = Place(seed, name).generator("reference reads").integers(0, 2, shape)
            signs = torch.from_numpy(drawn).to(torch.float64)
            u = signs if stored.ranges.signed is False else 2.0 * signs - 1.0
            patterns[name] = u * _strength(stored, u, weight, bias)
            values[name] = _read(stored, patterns[name], weight, bias, repeats)
    return DriftReference(patterns, values)


@checks_arguments
@torch.no_grad()
def compensate_drift(
    model: nn.Module, reference: DriftReference | None, *,
    kind: Literal["global", "tile", "column"] = "global", repeats: int = 8,
) -> dict[str, Tensor]:
    """Scale the outputs of all arrays to what they gave in the beginning.

    The inputs of the reference are read again, and the factor is the least-squares one that brings
    what is read back to it. It multiplies digital outputs, after converters, and stays in the
    ``state_dict``; called again, it is found anew, not on top.

    Parameters
    ----------
    model : torch.nn.Module
        A converted network; changed in place.
    reference : DriftReference or None
        Of the same network, read soon after it was programmed. None takes factors off.
    kind : {"global", "tile", "column"}
        One factor for a weight matrix, which takes out the mean drift (V. Joshi et al., Nat.
        Commun. 11:2473, 2020; IBM's aihwkit has one for a tile); one for each tile; or one for
        each output of each tile, which also takes out what its cells drift differently from others.
    repeats : int
        Of every read, against noise; default 8.

    Returns
    -------
    dict of str to (outputs of all tiles,) tensor
        The factors by the name of the matrix, tile by tile in the chip's order.

    Raises
    ------
    ParameterError
        No crossbar layers, or a reference of another network.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim import Wires
    >>> from crossbarsim.nn import CrossbarConfig, age, compensate_drift, convert, reference_reads
    >>> from crossbarsim.nonidealities import ConductanceDrift, NonIdealities
    >>> layer = nn.Linear(4, 3, bias=False)
    >>> _ = nn.init.constant_(layer.weight, 0.5)
    >>> chip = convert(nn.Sequential(layer), CrossbarConfig(wires=Wires(2.0, 2.0)))
    >>> reference = reference_reads(chip)
    >>> age(chip, NonIdealities(drift=ConductanceDrift(time=3600.0, nu=0.05)))
    >>> found = compensate_drift(chip, reference)
    >>> round(found["0"][0].item(), 2), round(chip(torch.ones(1, 4))[0, 0].item(), 2)
    (1.51, 2.0)
    """
    choice("kind", kind, ("global", "tile", "column"))
    count("repeats", repeats, low=1, high=2**20)
    matrices = _weights(model)
    if reference is None:
        for stored, *_ in matrices.values():
            stored.ranges = stored.ranges.replace(drift=None)
        return {}
    _check(reference, matrices)
    found = {}
    with evaluating(model):
        for name, (stored, weight, bias) in matrices.items():
            now = _read(stored, reference.patterns[name], weight, bias, repeats)
            found[name] = _factors(reference.values[name], now, kind)
    for name, (stored, *_) in matrices.items():
        stored.ranges = stored.ranges.replace(drift=found[name])
    return {name: factors.clone() for name, factors in found.items()}


def _weights(model: nn.Module) -> dict[str, tuple[StoredMatrix, Tensor, Tensor | None]]:
    """Return every stored matrix with the weight and bias that it holds."""
    held = {
        id(stored): (weight, bias)
        for module in model.modules() if isinstance(module, CrossbarLayer)
        for stored, weight, bias in module.stored_matrices()
    }
    return {name: (stored, *held[id(stored)]) for name, stored in stored_names(model).items()}


def _check(
    reference: DriftReference, matrices: dict[str, tuple[StoredMatrix, Tensor, Tensor | None]]
) -> None:
    if not isinstance(reference, DriftReference):
        raise ParameterError(
            f"`reference` must be of `reference_reads`, or None; got {type(reference).__name__}"
        )
    shapes = {
        name: (stored.groups, stored.inputs, [b.tile.shape[1] for b in stored.blocks()])
        for name, (stored, *_) in matrices.items()
    }
    read = {
        name: (*u.shape[1:], [v.shape[1] for v in reference.values[name]])
        for name, u in reference.patterns.items()
    }
    if shapes != read:
        raise ParameterError(
            "`reference` is of another network: it has the matrices "
            f"{', '.join(read)}, and this network has {', '.join(shapes)}, or they lie on other "
            "tiles"
        )


def _strength(
    stored: StoredMatrix, u: Tensor, weight: Tensor, bias: Tensor | None
) -> float:
    """Return the share of their range at which inputs u leave room in the converters'."""
    adc = None if stored.config.periphery is None else stored.config.periphery.adc
    reach = None if adc is None else (adc.full_scale or stored.ranges.full_scale)
    if reach is None:
        return 1.0
    largest = [0.0]

    def see(signal: Tensor) -> None:
        largest[0] = max(largest[0], float(signal.abs().max()))

    stored.read(u * stored.scale_of_inputs, weight, bias, observe=see)
    return min(1.0, _ROOM * float(reach) / max(largest[0], 1e-300))


def _read(
    stored: StoredMatrix, u: Tensor, weight: Tensor, bias: Tensor | None, repeats: int
) -> list[Tensor]:
    """Return what every tile gives (reads, outputs), without compensation, means of repeats."""
    total: list[Tensor] = []
    for _ in range(repeats):
        read = [
            value.to(torch.float64).expand(len(u), -1)
            for _, value in sorted(stored.tile_outputs(u, weight, bias), key=_place)
        ]
        total = [a + b for a, b in zip(total, read, strict=True)] if total else read
    drift = stored.ranges.drift
    factors: Iterator[Tensor] = iter(())
    if drift is not None:
        factors = iter(torch.split(drift, [value.shape[1] for value in total]))
    return [value / repeats / next(factors, torch.ones(())) for value in total]


def _place(found: tuple[ProgrammedTile, Tensor]) -> tuple[int, int, int]:
    tile = found[0]
    return tile.group, tile.rows.start, tile.columns.start


def _factors(before: list[Tensor], now: list[Tensor], kind: str) -> Tensor:
    """Return the factor of every output of every tile."""
    shares = [(a * b).sum(0) for a, b in zip(before, now, strict=True)]
    powers = [a.square().sum(0) for a in before]

    def factor(share: Tensor, power: Tensor, default: Tensor) -> Tensor:
        """Return power over share, where that is more than nothing."""
        told = share > _LEAST * power
        told &= power > 0
        return torch.where(told, power / share.where(told, torch.ones_like(share)), default)

    one = torch.ones((), dtype=torch.float64)
    whole = factor(
        torch.stack([s.sum() for s in shares]).sum(),
        torch.stack([p.sum() for p in powers]).sum(), one,
    )
    result = []
    for share, power in zip(shares, powers, strict=True):
        tile = whole if kind == "global" else factor(share.sum(), power.sum(), whole)
        if kind == "column":
            tile = factor(share, power, tile)
        result.append(tile.expand(len(share)))
    return torch.cat(result).clone()
