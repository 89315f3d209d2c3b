"""What calibration finds for one weight matrix."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from ...core.errors import ParameterError

__all__ = ["Ranges"]


@dataclass(frozen=True, eq=False)
class Ranges:
    """Ranges and corrections of the crossbars of one weight matrix.

    Attributes
    ----------
    input_range : float or None
        Input that stands for the read voltage.
    signed : bool or None
        Whether inputs can be negative; None: not known, taken as yes.
    full_scale : float or None
        Of the ADCs, ampere.
    gain, offset : (groups * outputs,) float64 tensors or None
        Digital correction of every output, ``gain * y + offset``.
    samples : (S, groups, inputs) float64 tensor or None
        Typical inputs, at which cells that are not linear can be linearised.
    drift : (outputs of all tiles,) float64 tensor or None
        Factor of every tile's output that compensates drift, tile by tile.
    """

    input_range: float | None = None
    signed: bool | None = None
    full_scale: float | None = None
    gain: Tensor | None = None
    offset: Tensor | None = None
    samples: Tensor | None = None
    drift: Tensor | None = None

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def state(self) -> dict[str, Tensor]:
        """Return what is known as float64 tensors."""
        known = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {
            name: torch.as_tensor(value, dtype=torch.float64)
            for name, value in known.items() if value is not None
        }

    @classmethod
    def of_state(
        cls, state: Mapping[str, Tensor], groups: int, inputs: int, outputs: int, parts: int
    ) -> Self:
        """Return the ranges of a saved state; `parts` are the outputs of all tiles.

        Raises
        ------
        ParameterError
            They are not those of a matrix of these sizes.
        """
        channels = (groups * outputs,)
        for name, value in state.items():
            shape = {"gain": channels, "offset": channels, "drift": (parts,),
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
