"""The physical arrays of one weight matrix: from levels to the conductances of a chip."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.validation import Array
from ...nonidealities import NonIdealities, Normal, Truncated
from ...nonidealities.fabricate import Fabricated
from ..config import CrossbarConfig
from ..mapping import Layout, Tile
from ..mapping.written import Written
from .effective_matrices import HeldMatrices

__all__ = ["Block", "Chip"]

_CELLS = ("g_on", "g_off", "stuck", "kinds")  # of `Fabricated`: one value per cell
_KEPT_CELLS = 2**23  # per matrix: 100 to 200 MB of the largest layer of a ResNet-18
_LINES = ("open_rows", "open_columns")
_CUT, _POSITIVE = 4.0, 0.95  # standard deviations; no resistance falls by more than this share


@dataclass(frozen=True)
class Block:
    """A tile of one group's matrix."""

    group: int
    tile: Tile


class Chip:
    """The arrays of one weight matrix, as their seed makes them or as they were saved.

    Parameters
    ----------
    config : CrossbarConfig
    name : str
        Of the matrix in its network.

    Attributes
    ----------
    disturbance : callable or None
        Changes the conductances (M, N) of a place whenever they are programmed, but for faulty
        cells; for training.
    held : HeldMatrices or None
        Follows the effective matrices between exact reductions; for training.
    kept : dict or None
        The conductances of tiles that were programmed, by tile, while the levels are the same; for
        studies, which put other circuits around one chip. None: nothing is kept.
    measured : dict
        Conductances (M, N) siemens by place, of arrays that hold these whatever the levels are.
    written : dict
        By place: the conductances (M, N) siemens that pulses have left there, and of which levels;
        they take the place of `NonIdealities.program`.
    """

    def __init__(self, config: CrossbarConfig, name: str) -> None:
        self.config, self.name = config, name
        self.seed = config.seed
        self.layout: Layout = config.layout
        self.effects = config.nonidealities or NonIdealities()  # as they are now
        self._saved: dict[Place, Fabricated] = {}
        self._fabricated: dict[Place, Fabricated] = {}
        self._kept_cells = 0
        self.disturbance: Callable[[Tensor, Place], Tensor] | None = None
        self.held: HeldMatrices | None = None
        self.kept: dict[Any, tuple[Tensor, list[Tensor]]] | None = None
        self.measured: dict[Place, Tensor] = {}
        self.written: dict[Place, Written] = {}

    def configure(self, config: CrossbarConfig) -> None:
        """Take other settings for the same devices, as wires around them or their age."""
        if config.nonidealities != self.config.nonidealities and self.kept is not None:
            self.kept = {}
        self.config, self.effects = config, config.nonidealities or NonIdealities()

    def place(self, block: Block, array: str) -> Place:
        """Return the place of one array of a tile."""
        return Place(self.seed, f"{self.name}/{block.group}", array, block.tile.index)

    def shape(self, block: Block) -> tuple[int, int]:
        """Return rows and columns of every array of a tile."""
        rows, outputs = block.tile.shape
        return rows * self.layout.rows_per_input, self.layout.columns(outputs)

    # -- programming -------------------------------------------------------------------------

    def program(self, block: Block, levels: Tensor, *, disturbed: bool = True) -> list[Tensor]:
        """Return the conductances, (rows, columns) siemens, of every array of a tile.

        Parameters
        ----------
        block : Block
        levels : (rows, outputs) float64 tensor
            Weights over their scale, in [-1, 1]; differentiable in them.
        disturbed : bool
            Whether a `disturbance` acts.
        """
        keep = None if self.disturbance is not None or levels.requires_grad else self.kept
        key = block.group, block.tile.index
        if keep is not None and key in keep and torch.equal(keep[key][0], levels):
            return list(keep[key][1])
        result = []
        for array, cells in zip(self.layout.arrays, self.layout.levels(levels), strict=True):
            place = self.place(block, array)
            conductance = self.measured.get(place)
            if conductance is None:
                conductance = self._undisturbed(cells, place, again=levels.requires_grad)
            if disturbed and self.disturbance is not None:
                conductance = self._disturbed(conductance, place, again=levels.requires_grad)
            result.append(conductance)
        if keep is not None:
            keep[key] = levels.clone(), list(result)
        return result

    def _disturbed(self, G: Tensor, place: Place, *, again: bool) -> Tensor:
        """Return disturbed conductances; faulty cells stay as they are."""
        if self.disturbance is None:
            return G
        disturbed = self.disturbance(G, place)
        if not (self._fabricates or self._saved):
            return disturbed
        stuck = self.fabricated(place, (G.shape[0], G.shape[1]), keep=again).stuck
        if stuck is None:
            return disturbed
        return torch.where(torch.from_numpy(np.isnan(stuck)), disturbed, G)

    def _undisturbed(self, level: Tensor, place: Place, *, again: bool) -> Tensor:
        written = self.written.get(place)
        if written is None and self.written:
            raise ParameterError(
                f"{self.name!r}: some arrays were written by pulses, but not {place.array!r} of "
                f"tile {place.tile}: write the whole network"
            )
        if not self.config.random and not self._saved:
            ideal = self.config.g_off + level * self.config.span
            return ideal if written is None else written.of(level, self.name, ideal)
        fab = self.fabricated(place, (level.shape[0], level.shape[1]), keep=again)
        if written is None:
            programmed = self.effects.program(level, fab, place)
        else:
            programmed = written.of(level, self.name, self.config.g_off + level * self.config.span)
        result: Tensor = self.effects.age(programmed, fab, place)
        return result

    def fabricated(
        self, place: Place, shape: tuple[int, int], *, keep: bool = False
    ) -> Fabricated:
        """Return one array as it left the factory.

        Parameters
        ----------
        place : Place
        shape : (int, int)
        keep : bool
            Whether it is needed again soon, as in training; a few million cells are kept.
        """
        saved = self._saved.get(place)
        if saved is None:
            saved = self._fabricated.get(place)
        if saved is not None:
            return saved
        fab = self._fabricate(place, shape)
        if keep and self._kept_cells + shape[0] * shape[1] <= _KEPT_CELLS:
            self._fabricated[place] = fab
            self._kept_cells += shape[0] * shape[1]
        return fab

    def _fabricate(self, place: Place, shape: tuple[int, int]) -> Fabricated:
        config, effects = self.config, self.effects
        fab = effects.fabricate(place, shape, config.g_on, config.g_off)
        if config.r_on_sigma == 0 and config.r_off_sigma == 0:
            return fab
        on = config.g_on / _spread(config.r_on_sigma, shape, place, "r_on")
        off = config.g_off / _spread(config.r_off_sigma, shape, place, "r_off")
        off = np.minimum(off, on)
        stuck = fab.stuck
        if effects.faults is not None and fab.kinds is not None:
            stuck = effects.faults.conductance(fab.kinds, on, off)
        return replace(fab, g_on=on, g_off=off, stuck=stuck)

    def census(self, blocks: Iterable[Block]) -> tuple[int, int]:
        """Return how many cells are faulty, and how many were drawn again (R_on met R_off)."""
        if not (self._fabricates or self._saved):
            return 0, 0
        fabs = [
            self.fabricated(self.place(block, array), self.shape(block))
            for block in blocks for array in self.layout.arrays
        ]
        return (
            sum(int(np.count_nonzero(fab.kinds)) for fab in fabs if fab.kinds is not None),
            sum(fab.resampled for fab in fabs),
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be fabricated again."""
        own = {"_fabricated": {}, "_kept_cells": 0, "kept": None if self.kept is None else {}}
        return {**self.__dict__, **own}

    # -- saving ------------------------------------------------------------------------------

    def state(self, blocks: Iterable[Block]) -> dict[str, Tensor]:
        """Return the chip as tensors; empty where every seed makes the same one.

        Cells of all arrays one after the other, rows first: `g_on`, `g_off` and `stuck` in
        siemens (NaN: not stuck), `kinds` as in `crossbarsim.nonidealities.Fault`; `resampled` of
        every array; `measured` in siemens (NaN: arrays that were not).
        """
        if not (self.config.random or self._saved or self.measured or self.written):
            return {}
        blocks = list(blocks)
        name = json.dumps({
            "seed": self.seed, "name": self.name, **self._nominal, **self._mapping
        }).encode()
        state = {"place": torch.tensor(list(name), dtype=torch.uint8)}
        blocks = list(blocks)
        if self.measured:
            state["measured"] = torch.cat([
                self.measured.get(place, torch.full(shape, math.nan, dtype=torch.float64)).flatten()
                for place, shape in self._all_arrays(blocks)
            ])
        if self.written:
            kept = [
                self.written[self.place(block, array)]
                for block in blocks for array in self.layout.arrays
            ]
            state["written"] = torch.cat([one.conductance.flatten() for one in kept])
            state["written_of"] = torch.tensor([one.levels for one in kept], dtype=torch.int64)
        if not (self._fabricates or self._saved):
            return state
        parts: dict[str, list[Any]] = {}
        for place, shape in self._all_arrays(blocks):
            for key, value in _flat(self.fabricated(place, shape)).items():
                parts.setdefault(key, []).append(value)
        for key, values in parts.items():
            state[key] = torch.from_numpy(np.concatenate(values))
        return state

    def _all_arrays(self, blocks: Iterable[Block]) -> Iterator[tuple[Place, tuple[int, int]]]:
        """Yield the place and the shape of every array."""
        for block in blocks:
            for array in self.layout.arrays:
                yield self.place(block, array), self.shape(block)

    @property
    def _nominal(self) -> dict[str, float]:
        """What levels stand for; conductances of another chip would be read by the wrong scale."""
        return {"g_on": float(self.config.g_on), "g_off": float(self.config.g_off)}

    @property
    def _mapping(self) -> dict[str, Any]:
        """What decides which cell of which array a weight lies on."""
        layout = self.layout
        return {
            "tile_shape": list(self.config.tile_shape), "scheme": layout.scheme,
            "pairing": layout.pairing, "bits": layout.bits,
            "bits_per_cell": layout.bits_per_cell, "slicing": layout.slicing,
            "copies": layout.copies, "tiling": self.config.tiling,
        }

    @property
    def _fabricates(self) -> bool:
        return bool(
            self.effects.fabricates or self.config.r_on_sigma or self.config.r_off_sigma
        )

    def load(self, state: Mapping[str, Tensor], blocks: Iterable[Block]) -> None:
        """Become the chip of a saved state, whatever seed this one was made with.

        Raises
        ------
        ParameterError
            The state is that of another tile shape, mapping, g_on or g_off, or damaged; the chip is
            then as before.
        """
        if "place" not in state:
            self.written = {}
            return
        try:
            named = json.loads(bytes(state["place"].tolist()).decode())
            seed, name = int(named["seed"]), str(named["name"])
        except (ValueError, TypeError, KeyError) as error:
            raise ParameterError(
                f"the saved chip of {self.name!r} is damaged: its `place` is no record of a seed "
                f"and a name ({error})"
            ) from error
        for key, own in self._nominal.items():
            if named.get(key, own) != own:
                raise ParameterError(
                    f"the saved chip of {name!r} was fabricated for `{key}` = {named[key]!r} S; "
                    f"the configuration has {own:g} S"
                )
        for key, own in self._mapping.items():
            if named.get(key, own) != own:
                raise ParameterError(
                    f"the saved chip of {name!r} was mapped with `{key}` = {named[key]!r}; the "
                    f"configuration has {own!r}: convert the network with the chip's own "
                    "configuration"
                )
        blocks = list(blocks)
        arrays = {key: _numbers(key, value) for key, value in state.items() if key != "place"}
        known, blocks = arrays.pop("measured", None), list(blocks)
        pulsed = [arrays.pop(key) for key in ("written", "written_of") if key in arrays]
        before = self.seed, self.name
        self.seed, self.name = seed, name
        try:
            saved = self._arrays_of(arrays, blocks) if arrays else {}
            measured = {} if known is None else self._measured_of(known, blocks)
            written = self._written_of(pulsed, blocks)
        except ParameterError:
            self.seed, self.name = before
            raise
        self._saved, self._fabricated, self._kept_cells = saved, {}, 0
        self.measured, self.written = measured, written

    def _measured_of(self, known: Any, blocks: Iterable[Block]) -> dict[Place, Tensor]:
        """Return the measured arrays of a state, whose cells come one after the other."""
        arrays = list(self._all_arrays(blocks))
        cells = sum(rows * columns for _, (rows, columns) in arrays)
        if len(known) != cells:
            raise ParameterError(
                f"the saved chip's 'measured' has {len(known)} entries; {self.name!r} takes "
                f"{cells}: it was saved with another mapping or tile shape"
            )
        result, used = {}, 0
        for place, shape in arrays:
            part = torch.tensor(known[used : used + shape[0] * shape[1]], dtype=torch.float64)
            used += part.numel()
            if not part.isnan().all():
                if part.isnan().any():
                    raise ParameterError(
                        f"the saved chip's 'measured' is damaged: NaN within an array of "
                        f"{self.name!r}"
                    )
                result[place] = part.reshape(shape)
        return result

    def _written_of(self, pulsed: list[Any], blocks: Iterable[Block]) -> dict[Place, Written]:
        """Return what pulses have left on all arrays of a state."""
        if not pulsed:
            return {}
        places = [
            (self.place(block, array), self.shape(block))
            for block in blocks for array in self.layout.arrays
        ]
        sizes = [rows * columns for _, (rows, columns) in places]
        if len(pulsed) != 2 or len(pulsed[0]) != sum(sizes) or len(pulsed[1]) != len(places):
            raise ParameterError(
                f"the saved chip's 'written' does not fit {self.name!r}, {sum(sizes)} cells of "
                f"{len(places)} arrays: it was saved with another mapping or tile shape"
            )
        parts = torch.split(torch.from_numpy(pulsed[0]), sizes)
        return {
            place: Written(part.reshape(shape).clone(), int(levels))
            for (place, shape), part, levels in zip(places, parts, pulsed[1], strict=True)
        }

    def _arrays_of(
        self, arrays: Mapping[str, Any], blocks: Iterable[Block]
    ) -> dict[Place, Fabricated]:
        """Return all arrays of a state, whose cells come one after the other."""
        used = dict.fromkeys(arrays, 0)

        def take(key: str, count: int) -> Any:
            start = used[key]
            used[key] += count
            if used[key] > len(arrays[key]):
                raise ParameterError(
                    f"the saved chip's {key!r} has {len(arrays[key])} entries, too few for "
                    f"{self.name!r}: it was saved with another mapping or tile shape"
                )
            return arrays[key][start : start + count]

        saved = {}
        for place, shape in self._all_arrays(blocks):
            saved[place] = _whole(shape, arrays, take, (self.config.g_on, self.config.g_off))
        for key, count in used.items():
            if count != len(arrays[key]):
                raise ParameterError(
                    f"the saved chip's {key!r} has {len(arrays[key])} entries; {self.name!r} "
                    f"takes {count}: it was saved with another mapping or tile shape"
                )
        return saved


def _spread(sigma: float, shape: tuple[int, int], place: Place, effect: str) -> Array:
    """Return the factors (M, N) on one resistance, normal and cut: `r_on_sigma`, `r_off_sigma`.

    They are not `Variability("r_on", Truncated(Normal(sigma), ...))`: that draws under other keys,
    and draws again where R_on meets R_off, which here is cut. The same seed would be another chip.
    """
    if sigma == 0:
        return np.ones(shape)
    reach = sigma * min(_CUT, _POSITIVE / sigma)
    law = Truncated(Normal(sigma, 0.0), -reach, reach)
    return 1.0 + law.sample(place.generator(effect), shape)


def _numbers(key: str, value: Tensor) -> Any:
    """Return a tensor of a saved state as an array, or raise where it cannot be what it is for."""
    found = value.numpy()
    allowed, words = {
        "g_on": ("f", "finite, > 0 S"), "g_off": ("f", "finite, >= 0 S"),
        "stuck": ("f", ">= 0 S, or NaN"), "measured": ("f", ">= 0 S, or NaN"),
        "kinds": ("iu", "integers"),
        "open_rows": ("b", "true or false"), "open_columns": ("b", "true or false"),
        "resampled": ("iu", "integers >= 0"), "written": ("f", "finite, >= 0 S"),
        "written_of": ("i", "integers"),
    }.get(key, ("", "unknown here"))
    good = found.ndim == 1 and found.dtype.kind in allowed
    if good and key in ("g_on", "g_off", "written"):
        good = bool(np.isfinite(found).all() and (found >= 0).all()
                    and (key != "g_on" or (found > 0).all()))
    elif good and key in ("stuck", "measured"):
        good = not (found < 0).any() and not np.isinf(found).any()
    if not good:
        raise ParameterError(
            f"the saved chip's {key!r} is damaged: it must be a vector, {words}; it is "
            f"{found.dtype} of shape {found.shape}"
        )
    return found


def _flat(fab: Fabricated) -> dict[str, Any]:
    """Return what a fabricated array holds, as one-dimensional arrays."""
    rows, columns = fab.shape
    flat: dict[str, Any] = {
        name: np.broadcast_to(getattr(fab, name), fab.shape).ravel() for name in ("g_on", "g_off")
    }
    flat["resampled"] = np.array([fab.resampled])
    stuck = np.full(fab.shape, np.nan) if fab.stuck is None else fab.stuck
    if fab.kinds is not None:
        flat["stuck"] = np.asarray(stuck, dtype=np.float64).ravel()
        flat["kinds"] = np.asarray(fab.kinds, dtype=np.int8).ravel()
        for name, count in (("open_rows", rows), ("open_columns", columns)):
            value = getattr(fab, name)
            flat[name] = np.zeros(count, bool) if value is None else np.asarray(value, dtype=bool)
    return flat


def _whole(
    shape: tuple[int, int], arrays: Mapping[str, Any], take: Any, nominal: tuple[float, float]
) -> Fabricated:
    rows, columns = shape
    fields: dict[str, Any] = {
        name: take(name, rows * columns).reshape(shape) for name in _CELLS if name in arrays
    }
    for name, count in zip(_LINES, (rows, columns), strict=True):
        if name in arrays:
            fields[name] = take(name, count)
    if "resampled" in arrays:
        fields["resampled"] = int(take("resampled", 1)[0])
    return Fabricated(shape, **fields, nominal=nominal)
