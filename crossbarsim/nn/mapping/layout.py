"""Which cell of which array, and how columns' values become weights again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from .cells import Digits, Signed, signed_parts, spread_levels

__all__ = ["Layout", "Plane"]


@dataclass(frozen=True)
class Plane:
    """One of the cells of every weight of a tile.

    Parameters
    ----------
    sign : int
        0, or 1 for the negative side of a differential pair.
    digit : int
        0 for the least.
    copy : int
        Among the parallel cells.
    """

    sign: int
    digit: int
    copy: int


@dataclass(frozen=True)
class Layout:
    """How the weights of a tile lie on its arrays.

    Within an array the cells of one weight are neighbouring columns; reference columns of the
    scheme "offset" come last. Every column has its own amplifier; the outputs of those of parallel
    cells add up before the converter, so that a *channel*, what a converter sees, is the sum of
    `copies` columns.

    Parameters
    ----------
    scheme : {"differential", "offset", "single"}
    pairing : {"arrays", "interleaved", "opposed"}
        Of the two sides of a differential pair; "opposed": on one column, in rows of their own.
    bits, bits_per_cell : int or None, int
        As in `Digits`.
    slicing : {"columns", "arrays"}
        Whether a weight's digits are neighbouring columns, or every digit has its own array.
    copies : int
        Parallel cells per digit.
    fill : {"equal", "spread"}
    """

    scheme: Signed = "differential"
    pairing: Literal["arrays", "interleaved", "opposed"] = "arrays"
    bits: int | None = None
    bits_per_cell: int = 1
    slicing: Literal["columns", "arrays"] = "columns"
    copies: int = 1
    fill: Literal["equal", "spread"] = "equal"

    @cached_property
    def digits(self) -> Digits:
        """The digits of a weight."""
        return Digits(self.bits, self.bits_per_cell, self.scheme)

    @cached_property
    def arrays(self) -> dict[str, tuple[Plane, ...]]:
        """The planes of every array of a tile, in the order of a weight's columns."""
        signs = 2 if self.scheme == "differential" and not self.opposed else 1
        result: dict[str, list[Plane]] = {}
        for sign in range(signs):
            for digit in range(len(self.digits.widths)):
                name = self._name(sign, digit)
                copies = [Plane(sign, digit, copy) for copy in range(self.copies)]
                result.setdefault(name, []).extend(copies)
        return {name: tuple(planes) for name, planes in result.items()}

    def _name(self, sign: int, digit: int) -> str:
        name: str = self.scheme
        if self.scheme == "differential":
            sides = ("positive", "negative")
            name = sides[sign] if self.pairing == "arrays" else self.pairing
        return f"{name}.{digit}" if self.slicing == "arrays" and self.bits is not None else name

    @property
    def opposed(self) -> bool:
        """Whether both cells of a pair lie on one column, driven with opposite signs."""
        return self.scheme == "differential" and self.pairing == "opposed"

    @property
    def rows_per_input(self) -> int:
        """Word lines of an array that an input takes."""
        return 2 if self.opposed else 1

    def inputs_per_array(self, rows: int) -> int:
        """Return how many inputs an array of so many word lines takes."""
        return rows // self.rows_per_input

    @property
    def columns_per_weight(self) -> int:
        """Columns of one array that a weight takes."""
        return len(next(iter(self.arrays.values())))

    @property
    def reference_columns(self) -> int:
        """Columns of an array that hold no weight."""
        return self.columns_per_weight if self.scheme == "offset" else 0

    def outputs_per_array(self, columns: int) -> int:
        """Return how many outputs an array of so many columns carries."""
        return (columns - self.reference_columns) // self.columns_per_weight

    def columns(self, outputs: int) -> int:
        """Return how many columns of an array so many outputs take."""
        return outputs * self.columns_per_weight + self.reference_columns

    @property
    def offset(self) -> float:
        """Stored value of the weight 0 that is taken off after read-out, by every input."""
        return self.digits.zero if self.scheme == "single" else 0.0

    # -- to the cells ------------------------------------------------------------------------

    def levels(self, block: Tensor) -> list[Tensor]:
        """Return the cells' levels in [0, 1], (rows, columns), of every array of a tile.

        Parameters
        ----------
        block : (rows, outputs) tensor
            Weights over their scale, in [-1, 1].

        Returns
        -------
        list of (rows * rows_per_input, columns) tensors
            The positive cell of an opposed pair lies above the negative one.
        """
        planes = self._planes(block)
        reference: dict[Plane, Tensor] = {}
        if self.scheme == "offset":
            reference = self._planes(block.new_zeros(len(block), 1))
        result = []
        for names in self.arrays.values():
            cells = _beside(planes, names)
            if self.opposed:
                below = _beside(planes, [replace(p, sign=1) for p in names])
                cells = torch.stack([cells, below], dim=1).flatten(0, 1)
            if reference:
                cells = torch.cat([cells, *(reference[p] for p in names)], dim=1)
            result.append(cells)
        return result

    def _planes(self, block: Tensor) -> dict[Plane, Tensor]:
        return {
            Plane(sign, digit, copy): cells
            for sign, part in enumerate(signed_parts(block, self.digits))
            for digit, level in enumerate(self.digits.levels(part))
            for copy, cells in enumerate(spread_levels(level, self.copies, self.fill))
        }

    # -- along the word lines ----------------------------------------------------------------

    def on_rows(self, u: Tensor) -> Tensor:
        """Return what every word line gets, (..., rows), of what stands for inputs (..., M)."""
        return torch.stack([u, -u], dim=-1).flatten(-2) if self.opposed else u

    def by_input(self, matrix: Tensor) -> Tensor:
        """Return what an input gives, (N, M), of effective matrices (N, rows)."""
        return matrix[:, ::2] - matrix[:, 1::2] if self.opposed else matrix

    def squares_by_input(self, squares: Tensor) -> Tensor:
        """Return what an input's square gives, (N, M), of what those of the lines (N, rows) do."""
        return squares[:, ::2] + squares[:, 1::2] if self.opposed else squares

    # -- from the columns --------------------------------------------------------------------

    def channels(self, currents: Tensor) -> Tensor:
        """Return what an array's converters see, (..., channels), of its columns' signals.

        Every weight's channels in turn (sign and digit), then those of the reference columns.
        """
        if self.copies == 1:
            return currents
        return currents.reshape(*currents.shape[:-1], -1, self.copies).sum(dim=-1)

    @cached_property
    def homes(self) -> tuple[int, ...]:
        """The arrays, by number, whose converters take differences: those of positive sides."""
        return tuple(
            k for k, planes in enumerate(self.arrays.values()) if any(not p.sign for p in planes)
        )

    def signals(self, outputs: int, subtraction: str) -> list[int]:
        """Return how many signals are converted at every array of a tile of so many outputs.

        Its channels, or, with "analog" subtraction, the differences of `subtracted` at the homes.
        """
        if subtraction == "digital":
            return [self.columns(outputs) // self.copies] * len(self.arrays)
        return [
            outputs * len(self._digits_at(k)) if k in self.homes else 0
            for k in range(len(self.arrays))
        ]

    def subtracted(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Return the channels less their negative sides or references, for every home array.

        As currents that meet before the converter do: (..., outputs * digits of the array).

        Parameters
        ----------
        parts : sequence of (..., channels) tensors
            Of all arrays of a tile.
        """
        sides: dict[tuple[int, int], Tensor] = {}
        for names, part in zip(self.arrays.values(), parts, strict=True):
            heads = names[:: self.copies]
            body, reference = self._split(part, len(heads))
            for k, plane in enumerate(heads):
                side = body[..., k]
                if reference is not None:
                    side = side - reference[..., k : k + 1]
                sides[plane.sign, plane.digit] = side
        return [
            torch.stack([
                sides[0, digit] - sides[1, digit] if (1, digit) in sides else sides[0, digit]
                for digit in self._digits_at(home)
            ], dim=-1).flatten(-2)
            for home in self.homes
        ]

    def decode_subtracted(self, values: Sequence[Tensor]) -> Tensor:
        """Return the weights (..., outputs) of `subtracted` channels, as `decode` does."""
        total: Any = 0.0
        for home, value in zip(self.homes, values, strict=True):
            gains = [self._gains[digit] for digit in self._digits_at(home)]
            part: Any = value.reshape(*value.shape[:-1], -1, len(gains))
            total = total + part @ value.new_tensor(gains)
        result: Tensor = total
        return result

    def _digits_at(self, array: int) -> list[int]:
        planes = list(self.arrays.values())[array]
        return list(dict.fromkeys(p.digit for p in planes if not p.sign))

    def decode(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the weights (..., outputs) of the channels of all arrays of a tile.

        In units of the span: currents per volt come out as siemens, to be divided by
        ``g_on - g_off``. The scheme "single" still holds its offset.
        """
        total: Any = 0.0
        for names, part in zip(self.arrays.values(), parts, strict=True):
            heads = names[:: self.copies]
            factors = part.new_tensor([
                (-1.0 if p.sign else 1.0) * self._gains[p.digit] for p in heads
            ])
            body, reference = self._split(part, len(heads))
            # a product with a vector of one number is slow
            total = total + (body @ factors if len(heads) > 1 else body[..., 0] * factors)
            if reference is not None:
                total = total - (reference @ factors).unsqueeze(-1)
        result: Tensor = total
        return result

    def baseline(self, g_on: float, g_off: float) -> float:
        """Return what the decoded value of every input holds too much, siemens ("single")."""
        if self.scheme != "single":
            return 0.0
        cells = sum(self.digits.weights) * self.digits.gain
        return cells * g_off + self.offset * self.digits.gain * (g_on - g_off)

    @cached_property
    def _gains(self) -> list[float]:
        """Weight per level of one digit's channel."""
        return [w * self.digits.gain / self.copies for w in self.digits.weights]

    def _split(self, part: Tensor, heads: int) -> tuple[Tensor, Tensor | None]:
        """Return (..., outputs, channels of a weight) and the references (..., channels)."""
        if self.scheme != "offset":
            return part.reshape(*part.shape[:-1], -1, heads), None
        body = part[..., :-heads]
        return body.reshape(*body.shape[:-1], -1, heads), part[..., -heads:]


def _beside(planes: Mapping[Plane, Tensor], names: Sequence[Plane]) -> Tensor:
    """Return the cells of a side, (rows, columns), a weight's next to each other."""
    if len(names) == 1:
        return planes[names[0]]
    return torch.stack([planes[p] for p in names], dim=2).flatten(1)
