"""What calibration finds for one weight matrix."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from ...core.errors import ParameterError
from ...core.validation import Array

__all__ = ["Ranges"]


@dataclass(frozen=True, eq=False)
class Ranges:
    """Ranges and corrections of the crossbars of one weight matrix.

    Attributes
    ----------
    input_range : float or None
        Input that stands for the read voltage. This and `full_scale` are tensors while they are
        trained.
    signed : bool or None
        Whether inputs can be negative; None: not known, taken as yes.
    full_scale : float or None
        Of the ADCs, ampere.
    gain, offset : (groups * outputs,) float64 tensors or None
        Digital correction of every output, ``gain * y + offset``. A gain of shape (rows of tiles,
        groups * outputs) multiplies what every tile gives, before they are added up.
    samples : (S, groups, inputs) float64 tensor or None
        Typical inputs, at which cells that are not linear can be linearised.
    drift : (outputs of all tiles,) float64 tensor or None
        Factor of every tile's output that compensates drift, tile by tile.
    """

    input_range: float | Tensor | None = None
    signed: bool | None = None
    full_scale: float | Tensor | None = None
    gain: Tensor | None = None
    offset: Tensor | None = None
    samples: Tensor | None = None
    drift: Tensor | None = None

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    @property
    def tracked(self) -> bool:
        """Whether a gradient in any of them is asked for."""
        return torch.is_grad_enabled() and any(
            isinstance(value, Tensor) and value.requires_grad for value in vars(self).values()
        )

    @property
    def scale(self) -> float | Tensor:
        """The input that stands for the read voltage, 1 where it matters to nothing."""
        return 1.0 if self.input_range is None else self.input_range

    @property
    def tile_gain(self) -> Tensor | None:
        """The gain of every tile, (rows of tiles, groups * outputs), where each has its own."""
        return self.gain if self.gain is not None and self.gain.ndim == 2 else None

    def state(self) -> dict[str, Tensor]:
        """Return what is known as float64 tensors."""
        known = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {
            name: torch.as_tensor(value, dtype=torch.float64).detach()
            for name, value in known.items() if value is not None
        }

    def corrections(self, bias: Tensor | None, channels: int) -> tuple[Array, Array]:
        """Return every output's factor and shift, (channels,) each, that follow a read."""
        zeros = torch.zeros(channels, dtype=torch.float64)
        factor, shift = zeros + 1.0, zeros
        if self.gain is not None and self.tile_gain is None:
            factor = self.gain.detach().double()
        if self.offset is not None:
            shift = shift + self.offset.detach().double()
        if bias is not None:
            shift = shift + bias.detach().double()
        return (factor * float(self.scale)).numpy(), shift.numpy()

    def finish(self, y: Tensor) -> Tensor:
        """Return outputs (B, groups * outputs) as they are read, corrected."""
        if self.gain is None or self.offset is None:
            return y
        if self.tile_gain is None:
            y = y * self.gain.to(y.dtype)
        return y + self.offset.to(y.dtype)

    def gained(self, whole: Tensor, tile_of_line: Tensor) -> Tensor:
        """Return effective weights (groups * outputs, lines) times the gains.

        Parameters
        ----------
        whole : (groups * outputs, lines) tensor
        tile_of_line : (groups, lines) int64 tensor
            The row of tiles that every line lies in.
        """
        if self.gain is None:
            return whole
        gain = self.gain.to(whole.dtype)
        if gain.ndim == 1:
            return whole * gain.unsqueeze(1)
        groups = len(tile_of_line)
        each = gain.reshape(len(gain), groups, -1)
        own = torch.stack([each[tiles, g] for g, tiles in enumerate(tile_of_line)])
        return whole * own.transpose(1, 2).reshape(whole.shape)

    @classmethod
    def of_state(
        cls, state: Mapping[str, Tensor], groups: int, inputs: int, outputs: int, parts: int,
        tiles: int,
    ) -> Self:
        """Return the ranges of a saved state.

        `parts` are the outputs of all tiles, `tiles` the rows of tiles.

        Raises
        ------
        ParameterError
            They are not those of a matrix of these sizes.
        """
        channels = (groups * outputs,)
        tiled = "gain" in state and state["gain"].ndim == 2
        for name, value in state.items():
            shape = {"gain": (tiles, *channels) if tiled else channels, "offset": channels,
                     "drift": (parts,),
                     "samples": (*value.shape[:1], groups, inputs)}.get(name, ())
            if not value.dtype.is_floating_point or value.shape != shape or not (
                value.isfinite().all()
            ):
                raise ParameterError(
                    f"the saved range {name!r} must be finite numbers of shape {shape}; it is "
                    f"{value.dtype} of shape {tuple(value.shape)}"
                )
            if name in ("input_range", "full_scale", "drift") and not (value > 0).all():
                raise ParameterError(f"the saved range {name!r} must be > 0; it is {value}")
        numbers = {
            name: float(state[name]) for name in ("input_range", "full_scale") if name in state
        }
        tensors = {
            name: state[name].clone() for name in ("gain", "offset", "samples", "drift")
            if name in state
        }
        signed = bool(state["signed"]) if "signed" in state else None
        return cls(signed=signed, **numbers, **tensors)  # type: ignore[arg-type]
