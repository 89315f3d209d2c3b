"""From gradients, or inputs and errors, to numbers of pulses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import Array, choice, count, flag, number
from ...core.views.brief import brief_repr

__all__ = [
    "GradientPulses", "Manhattan", "MixedPrecision", "Sample", "StochasticPulses", "UpdateRule",
    "positive",
]


@dataclass(frozen=True)
class Sample:
    """What an update rule sees of one layer.

    Attributes
    ----------
    gradient : (M, N) array
        Of the loss by the weights, summed over the samples.
    inputs : (B, M) array
    errors : (B, N) array
        Gradient of the loss by the outputs.
    step : float
        Change of a weight by one pulse on each of its two devices, about.
    memory : dict
        Arrays that the rule keeps from update to update, by name; part of the layer's
        ``state_dict``.
    """

    gradient: Array
    inputs: Array
    errors: Array
    step: float
    memory: dict[str, Array] = field(default_factory=dict)

    __repr__ = brief_repr


@runtime_checkable
class UpdateRule(Protocol):
    """Turns samples into pulses."""

    def counts(self, sample: Sample, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return the pulses (M, N) that raise every weight, and those that lower it."""
        ...


def positive(owner: str, name: str, value: float) -> None:
    """Raise where a setting of a rule is no number > 0."""
    if not (isinstance(value, (int, float)) and np.isfinite(value) and value > 0):
        raise ParameterError(f"{owner}: `{name}` must be a number > 0; got {value!r}")


@dataclass(frozen=True)
class Manhattan(Settings):
    """One pulse for every weight, in the direction that the gradient's sign says.

    The Manhattan update rule of Prezioso et al., Nature 521:61 (2015): pulses of a fixed amplitude
    and width, dW = step * sign(sum over the batch of dW by the delta rule).

    Parameters
    ----------
    threshold : float
        Weights whose gradient is below this share of the layer's largest get no pulse; default 0,
        as published.
    """

    threshold: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < 1:
            raise ParameterError(f"`threshold` must be in [0, 1); got {self.threshold!r}")

    def counts(self, sample: Sample, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return pulses up and down, (M, N)."""
        del rng
        g = sample.gradient
        loud = np.abs(g) > self.threshold * np.abs(g).max(initial=0.0)
        return ((g < 0) & loud).astype(int), ((g > 0) & loud).astype(int)


@dataclass(frozen=True)
class GradientPulses(Settings):
    """As many pulses as make the change of gradient descent, as far as one device's step goes.

    Parameters
    ----------
    rate : float
        Learning rate: weight change over gradient.
    most : int
        Most pulses of one device in one update.
    rounding : {"stochastic", "nearest"}
        "nearest" loses every change below half a step; "stochastic" keeps them on average.
    """

    rate: float
    most: int = 31
    rounding: Literal["stochastic", "nearest"] = "stochastic"

    def __post_init__(self) -> None:
        positive("GradientPulses", "rate", self.rate)
        count("most", self.most)
        choice("rounding", self.rounding, ("stochastic", "nearest"))

    def counts(self, sample: Sample, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return pulses up and down, (M, N)."""
        wish = np.abs(sample.gradient) * (self.rate / sample.step)
        share = rng.random(wish.shape) if self.rounding == "stochastic" else 0.5
        pulses = np.minimum(np.floor(wish + share), self.most).astype(int)
        return np.where(sample.gradient < 0, pulses, 0), np.where(sample.gradient > 0, pulses, 0)


@dataclass(frozen=True)
class StochasticPulses(Settings):
    """Random pulse trains on both lines; a device moves where two pulses coincide.

    Gokmen and Vlasov, Frontiers in Neuroscience 10:333 (2016), eq. 2: inputs x and errors d
    become streams of `length` bits with probabilities C |x| and C |d|, where C^2 = rate / (length
    * step), so that the mean change is rate * x * d, the outer product, without any arithmetic at
    the cells. Probabilities above 1 are cut there.

    Parameters
    ----------
    rate : float
        Learning rate.
    length : int
        Bits of a stream; 10 in the paper.
    managed : bool
        Update management (Gokmen, Onen and Haensch, Frontiers in Neuroscience 11:538, 2017;
        AIHWKit's ``update_management`` and ``update_bl_management``): for every sample, both lines'
        largest probabilities are made equal, and streams no longer than the largest product
        needs, at most `length`.
    """

    rate: float
    length: int = 10
    managed: bool = False

    def __post_init__(self) -> None:
        positive("StochasticPulses", "rate", self.rate)
        count("length", self.length)
        flag("managed", self.managed)

    def counts(self, sample: Sample, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return pulses up and down, (M, N), of all samples."""
        x, d, lengths = self._scaled(sample)
        bits = []
        for values in (x, d):
            drawn = rng.random((self.length, *values.shape)) < np.minimum(np.abs(values), 1.0)
            bits.append(drawn * np.sign(values))
        bits[0] *= (np.arange(self.length)[:, None] < lengths)[:, :, None]
        rows, columns = (b.reshape(-1, b.shape[2]) for b in bits)
        net, total = rows.T @ columns, np.abs(rows).T @ np.abs(columns)
        return np.rint(0.5 * (total + net)).astype(int), np.rint(0.5 * (total - net)).astype(int)

    def _scaled(self, sample: Sample) -> tuple[Array, Array, Array]:
        """Return signed probabilities of inputs and errors, and the bits of every stream."""
        x, d = sample.inputs, -sample.errors
        if not self.managed:
            gain = np.sqrt(self.rate / (self.length * sample.step))
            return gain * x, gain * d, np.full(len(x), self.length)
        tops = [np.abs(v).max(axis=1, initial=0.0) for v in (x, d)]
        wish = self.rate * tops[0] * tops[1] / sample.step
        lengths = np.clip(np.ceil(wish), 1, self.length)
        silent = wish == 0.0
        ratio = np.sqrt(np.where(silent, 1.0, tops[1]) / np.where(silent, 1.0, tops[0]))
        gain = np.sqrt(self.rate / (lengths * sample.step))
        return (gain * ratio)[:, None] * x, (gain / ratio)[:, None] * d, lengths


@dataclass(frozen=True)
class MixedPrecision(Settings):
    """Gradients add up digitally; whole steps of them become pulses.

    Nandakumar et al., Frontiers in Neuroscience 14:406 (2020): the change of gradient descent is
    added to a digital memory chi in high precision, and where its magnitude reaches a device's
    step, a pulse for each whole step goes to the weight and is taken off chi, without reading the
    device. Rounding and small gradients are never lost; asymmetry meets few pulses.

    Parameters
    ----------
    rate : float
        Learning rate: weight change over gradient.
    threshold : float
        In steps of a weight: epsilon of the paper over the device's mean step.
    most : int
        Most pulses of one device in one update; what is left stays in chi.
    momentum : float
        In [0, 1): of the gradient, as torch's SGD has it, before it is added.
    """

    rate: float
    threshold: float = 1.0
    most: int = 31
    momentum: float = 0.0

    def __post_init__(self) -> None:
        for name in ("rate", "threshold"):
            positive("MixedPrecision", name, getattr(self, name))
        count("most", self.most)
        if not 0.0 <= number("momentum", self.momentum) < 1.0:
            raise ParameterError(f"`momentum` must be in [0, 1); got {self.momentum!r}")

    def counts(self, sample: Sample, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return pulses up and down, (M, N)."""
        del rng
        change = sample.gradient
        if self.momentum:
            velocity = sample.memory.get("velocity", np.zeros_like(change))
            change = sample.memory["velocity"] = self.momentum * velocity + change
        chi = sample.memory.get("chi", np.zeros_like(change)) - self.rate * change
        quantum = self.threshold * sample.step
        pulses = np.clip(np.trunc(chi / quantum), -self.most, self.most).astype(int)
        sample.memory["chi"] = chi - pulses * quantum
        return np.maximum(pulses, 0), np.maximum(-pulses, 0)
