"""Rules that gather gradients on fast arrays and move them to the weights: Tiki-Taka."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import Array, count, number
from .rules import Sample, StochasticPulses, UpdateRule, positive

__all__ = ["TikiTaka", "TikiTakaV2", "TransferRule"]


@runtime_checkable
class TransferRule(Protocol):
    """Updates a second, fast pair of arrays A, and transfers lines of it to the weights C.

    Attributes
    ----------
    fast : UpdateRule
        Of A.
    gamma : float
        The weights are C + gamma A.
    zero_shift : int
        Turns of pulses, up and down, that bring A to its symmetry point, where it counts as 0.
    """

    @property
    def fast(self) -> UpdateRule:
        """Return the rule that updates A."""
        ...

    @property
    def gamma(self) -> float:
        """Return the share of A in the weights."""
        ...

    @property
    def zero_shift(self) -> int:
        """Return the turns of pulses to the symmetry point."""
        ...

    def lines(self, update: int, lines: int) -> list[int]:
        """Return the word lines of A that are read after this update, counted from 0."""
        ...

    def transfer(
        self, lines: list[int], values: Array, sample: Sample, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """Return pulses up and down (M, N) of C for the values (L, N) read of lines of A."""
        ...


@dataclass(frozen=True)
class _Transfer(Settings):
    """What both versions share."""

    rate: float
    transfer_rate: float
    every: int = 1
    reads: int = 1
    length: int = 10
    managed: bool = False
    gamma: float = 0.0
    zero_shift: int = 200
    read_noise: float = 0.0

    def __post_init__(self) -> None:
        for name in ("rate", "transfer_rate"):
            positive(type(self).__name__, name, getattr(self, name))
        for name in ("every", "reads", "length", "zero_shift"):
            count(name, getattr(self, name))
        for name in ("gamma", "read_noise"):
            number(name, getattr(self, name), low=0.0)
        if not isinstance(self.managed, bool):
            raise ParameterError(f"`managed` must be True or False; got {self.managed!r}")

    @property
    def fast(self) -> UpdateRule:
        """Return the rule that updates A."""
        return StochasticPulses(self.rate, self.length, managed=self.managed)

    def lines(self, update: int, lines: int) -> list[int]:
        """Return the word lines of A that are read after this update, counted from 0."""
        turn, rest = divmod(update + 1, self.every)
        if rest:
            return []
        return [((turn - 1) * self.reads + k) % lines for k in range(min(self.reads, lines))]

    def _seen(self, values: Array, rng: np.random.Generator) -> Array:
        if not self.read_noise:
            return values
        return values + self.read_noise * rng.standard_normal(values.shape)


@dataclass(frozen=True)
class TikiTaka(_Transfer):
    """Tiki-Taka: gradients on fast arrays, of which pulses carry lines to the weights.

    Gokmen and Haensch, Frontiers in Neuroscience 14:103 (2020), algorithm 1. Stochastic pulses
    give the gradient to A, whose devices' own asymmetry makes it decay towards its symmetry point:
    A is a running mean, not a sum. Every so many updates one word line u of A is read, v = A u,
    and stochastic pulses add ``transfer_rate v u`` to the weights C, which so get few pulses, and
    none that cancel. Plain pulses (`StochasticPulses`) on asymmetric devices instead end where
    the gradient's mean balances the decay that its noise drives.

    A lies on devices like those of the weights; it is made and brought to its symmetry point at
    the first update, and kept in the layer's ``state_dict``.

    Parameters
    ----------
    rate : float
        Learning rate of A.
    transfer_rate : float
        Change of a weight by one transfer, over what was read of A.
    every : int
        Updates from one transfer to the next.
    reads : int
        Word lines per transfer, one after the other.
    length, managed
        Of the stochastic pulses, as in `StochasticPulses`.
    gamma : float
        The weights that are read are C + gamma A.
    zero_shift : int
        Turns of a pulse up and one down that bring A to its symmetry point at first (zero-shifting,
        Kim et al., arXiv:1907.10228); what is read there is taken off ever after.
    read_noise : float
        Standard deviation of what is read of A, in weights.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn.train import (
    ...     InSituConfig, InSituLinear, PulseResponse, TikiTaka, in_situ_update)
    >>> device = PulseResponse.linear_step(1e-6, 1e-4, 1e-6, up_down=0.3)
    >>> layer = InSituLinear(3, 1, InSituConfig(device=device), bias=False)
    >>> rule = TikiTaka(rate=0.1, transfer_rate=0.1)
    >>> for _ in range(3):
    ...     layer(torch.eye(3)).square().sum().backward()
    ...     record = in_situ_update(layer, rule)
    >>> sorted(layer.state_dict())[:3]
    ['memory_negative', 'memory_positive', 'memory_reference']
    """

    def transfer(
        self, lines: list[int], values: Array, sample: Sample, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """Return pulses up and down (M, N) of C for the values (L, N) read of lines of A."""
        inputs = np.zeros((len(lines), sample.gradient.shape[0]))
        inputs[np.arange(len(lines)), lines] = 1.0
        # pulses descend: what is read of A goes with them
        outer = replace(sample, inputs=inputs, errors=-self._seen(values, rng))
        return StochasticPulses(self.transfer_rate, self.length, managed=self.managed).counts(
            outer, rng)


@dataclass(frozen=True)
class TikiTakaV2(_Transfer):
    """Tiki-Taka version 2: a digital buffer between the fast arrays and the weights.

    Gokmen, Frontiers in Artificial Intelligence 4:699148 (2021). What is read of A is added,
    times `transfer_rate`, to a buffer H; where its magnitude reaches `threshold` steps of a
    device, one pulse goes to the weight, and what it stands for is taken off H. The buffer is a
    low-pass filter: it averages the pulses' and the reading's noise, and loses no part of a step,
    so that few states do.

    Parameters
    ----------
    rate, transfer_rate, every, reads, length, managed, gamma, zero_shift, read_noise
        As in `TikiTaka`; `transfer_rate` is of H.
    threshold : float
        In steps of a weight.
    momentum : float
        In [0, 1): share of what a pulse stands for that stays in H (AIHWKit's
        ``BufferedTransferCompound.momentum``; 0 in the paper).
    most : int
        Most pulses of one device in one transfer; 1 in the paper.

    Raises
    ------
    ParameterError
    """

    threshold: float = 1.0
    momentum: float = 0.0
    most: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        positive("TikiTakaV2", "threshold", self.threshold)
        if not 0.0 <= number("momentum", self.momentum) < 1.0:
            raise ParameterError(f"`momentum` must be in [0, 1); got {self.momentum!r}")
        count("most", self.most)

    def transfer(
        self, lines: list[int], values: Array, sample: Sample, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """Return pulses up and down (M, N) of C for the values (L, N) read of lines of A."""
        buffer = sample.memory.setdefault("buffer", np.zeros_like(sample.gradient))
        quantum = self.threshold * sample.step
        pulses = np.zeros(buffer.shape, dtype=int)
        for line, value in zip(lines, self._seen(values, rng), strict=True):
            buffer[line] += self.transfer_rate * value
            n = np.clip(np.trunc(buffer[line] / quantum), -self.most, self.most)
            buffer[line] -= (1.0 - self.momentum) * n * quantum
            pulses[line] = n
        return np.maximum(pulses, 0), np.maximum(-pulses, 0)
