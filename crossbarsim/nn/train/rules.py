"""From gradients, or inputs and errors, to numbers of pulses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from ...core.errors import ParameterError
from ...core.settings import Settings
from ...core.validation import Array, choice, count
from ...core.views.brief import brief_repr

__all__ = ["GradientPulses", "Manhattan", "Sample", "StochasticPulses", "UpdateRule"]


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
    """

    gradient: Array
    inputs: Array
    errors: Array
    step: float

    __repr__ = brief_repr


@runtime_checkable
class UpdateRule(Protocol):
    """Turns samples into pulses."""

    def counts(self, sample: Sample, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return the pulses (M, N) that raise every weight, and those that lower it."""
        ...


def _positive(owner: str, name: str, value: float) -> None:
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
        _positive("GradientPulses", "rate", self.rate)
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
    """

    rate: float
    length: int = 10

    def __post_init__(self) -> None:
        _positive("StochasticPulses", "rate", self.rate)
        count("length", self.length)

    def counts(self, sample: Sample, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return pulses up and down, (M, N), of all samples."""
        gain = np.sqrt(self.rate / (self.length * sample.step))
        bits = []
        for values in (sample.inputs, -sample.errors):
            chance = np.minimum(gain * np.abs(values), 1.0)
            drawn = rng.random((self.length, *values.shape)) < chance
            bits.append((drawn * np.sign(values)).reshape(-1, values.shape[1]))
        x, d = bits
        net, total = x.T @ d, np.abs(x).T @ np.abs(d)
        return np.rint(0.5 * (total + net)).astype(int), np.rint(0.5 * (total - net)).astype(int)
