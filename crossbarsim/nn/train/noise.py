"""Noise on the stored weights during training, so that a network learns to bear it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.settings import checks_arguments
from ..calibrate import stored_names
from ..chip.chip import Chip

__all__ = ["weight_noise"]


class _Disturbance:
    """Draws anew whenever an array is programmed; keyed by seed, place and number of the draw."""

    def __init__(self, chip: Chip, sigma: float, seed: int) -> None:
        self.chip, self.sigma, self.seed = chip, sigma * chip.config.g_on, seed
        self.draws: dict[Place, int] = {}

    def __call__(self, conductance: Tensor, place: Place) -> Tensor:
        number = self.draws[place] = self.draws.get(place, -1) + 1
        own = Place(self.seed, place.layer, place.array, place.tile)
        draw = own.generator(f"weight noise {number}").standard_normal(tuple(conductance.shape))
        noise = torch.from_numpy(self.sigma * draw).to(conductance)
        return (conductance + noise).clamp(min=0.0)


@checks_arguments
@contextmanager
def weight_noise(model: nn.Module, sigma: float, *, seed: int = 0) -> Iterator[None]:
    """Inside, every forward pass sees fresh noise on every stored conductance.

    Normal, of standard deviation ``sigma * g_on`` for every cell, those at `g_off` included, cut
    at 0 S; wires see it too, and faulty cells have none. Training so makes networks robust against
    what programming and reading will do to their weights (Joshi et al., Nature Communications
    11:2473, 2020, who take a deviation relative to the largest weight as well). Gradients are those
    of the disturbed arrays.

    Parameters
    ----------
    model : torch.nn.Module
        A converted network.
    sigma : float
        Relative to `g_on` of each layer's configuration; the difference of two cells has the
        square root of 2 of it.
    seed : int
        The same seed draws the same noise in the same order of passes.

    Raises
    ------
    ParameterError
        No crossbar layers; `sigma` negative; noise inside noise.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim.nn import CrossbarConfig, convert
    >>> from crossbarsim.nn.train import weight_noise
    >>> chip = convert(nn.Sequential(nn.Linear(4, 2)), CrossbarConfig())
    >>> x = torch.ones(1, 4)
    >>> with weight_noise(chip, 0.05):
    ...     bool((chip(x) != chip(x)).all())
    True
    """
    chips = [stored.chip for stored in stored_names(model).values()]
    if not (isinstance(sigma, (int, float)) and np.isfinite(sigma) and sigma >= 0):
        raise ParameterError(f"`sigma` must be a number >= 0; got {sigma!r}")
    if any(chip.disturbance is not None for chip in chips):
        raise ParameterError("the model is inside `weight_noise` already")
    try:
        for chip in chips:
            chip.disturbance = _Disturbance(chip, float(sigma), seed)
        yield
    finally:
        for chip in chips:
            chip.disturbance = None
