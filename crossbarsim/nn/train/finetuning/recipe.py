"""Settings and results of `finetune`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ....core.settings import Settings
from ....core.validation import choice, count, number
from ....core.views.optional import dataframe
from ....core.views.panels import Curve, Curves
from ....core.views.shown import Shown, View

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Epoch", "FinetuneConfig", "Finetuned"]


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig(Settings):
    """Settings of `finetune`.

    Parameters
    ----------
    epochs : int
        Passes over the loader, each followed by a validation; default 3.
    batches : int, optional
        Of the loader that are an epoch: of a shuffling one, others every time. None: all.
    learning_rate : float
        Peak of AdamW's rate for weights and biases; default 3e-4. 0 leaves them as they are.
    correction_rate : float
        For the gains of the correction, which are near 1; default 3e-3. 0 keeps them.
    range_rate : float
        For the logarithms of the calibrated ranges of inputs and ADCs; default 1e-2. 0 keeps them.
    warm_up : float
        Share of the steps in which the rates rise to their peak; a half cosine to 0 follows.
    weight_decay : float
        Of weights, AdamW's (Loshchilov and Hutter, arXiv:1711.05101, 2017); default 0.
    clip : float, optional
        Norm that gradients are scaled down to; default 1. None: they are taken as they are.
    noise : float
        Of `weight_noise`, relative to `g_on`; default 0: the chip is known. What programming and
        reading are to do to other chips of the network is trained for with as much noise.
    exact_every : int
        Steps from one exact solution of the arrays to the next, at most; see `lazy_matrices`.
    rtol : float, optional
        Of `lazy_matrices`. None: 0.01, and 0.05 with noise.
    correction : {"outputs", "tiles"}
        Of a network that has not been corrected yet, as in `calibrate`.
    mode : {"evaluation", "training"}
        Of the network's other layers while it is trained: in training mode dropout drops, and batch
        normalisation that is still there follows the batches.
    seed : int
        Of the noise, of what the network draws, and, through torch's generator, of the order in
        which a shuffling loader brings its batches.

    Raises
    ------
    ParameterError
        A value out of its range.

    Examples
    --------
    >>> from crossbarsim.nn.train import FinetuneConfig
    >>> FinetuneConfig(epochs=5, noise=0.03).follow_rtol
    0.05
    """

    epochs: int = 3
    batches: int | None = None
    learning_rate: float = 3e-4
    correction_rate: float = 3e-3
    range_rate: float = 1e-2
    warm_up: float = 0.1
    weight_decay: float = 0.0
    clip: float | None = 1.0
    noise: float = 0.0
    exact_every: int = 10
    rtol: float | None = None
    correction: Literal["outputs", "tiles"] = "outputs"
    mode: Literal["evaluation", "training"] = "evaluation"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 0), ("exact_every", 1), ("seed", 0)):
            object.__setattr__(self, name, count(name, getattr(self, name), low=least))
        if self.batches is not None:
            object.__setattr__(self, "batches", count("batches", self.batches, low=1))
        for name in ("learning_rate", "correction_rate", "range_rate", "weight_decay"):
            number(name, getattr(self, name), low=0.0, high=1.0)
        number("warm_up", self.warm_up, low=0.0, high=1.0)
        number("noise", self.noise, low=0.0)
        for name in ("clip", "rtol"):
            if getattr(self, name) is not None:
                number(name, getattr(self, name), low=0.0, open_low=True)
        choice("correction", self.correction, ("outputs", "tiles"))
        choice("mode", self.mode, ("evaluation", "training"))

    @property
    def follow_rtol(self) -> float:
        """`rtol`, or what stands for None."""
        if self.rtol is not None:
            return float(self.rtol)
        return 0.05 if self.noise else 0.01

    def rate(self, step: int, steps: int) -> float:
        """Return the rates over their peaks at one of so many steps: linear, then half a cosine."""
        rising = max(1.0, self.warm_up * steps)
        if step < self.warm_up * steps:
            return (step + 1) / (rising + 1)
        return float(0.5 + 0.5 * np.cos(np.pi * (step - rising) / max(1.0, steps - rising)))


@dataclass(frozen=True)
class Epoch:
    """One epoch of `finetune`.

    Attributes
    ----------
    loss : float
        Mean over the batches, of the network as it was trained: with noise, if any.
    score : float
        Of the validation after it.
    gradient : float
        Largest norm of the gradient, before it was clipped.
    reductions_saved : float
        Share of the passes that followed the last exact solution of the arrays.
    follow_error : float
        Largest relative error (root mean square) that an exact solution then found.
    """

    loss: float
    score: float
    gradient: float
    reductions_saved: float
    follow_error: float


@dataclass(frozen=True)
class Finetuned(Shown):
    """What `finetune` did; the network holds the best state.

    Attributes
    ----------
    config : FinetuneConfig
    corrected : float
        Score of the network that the training began with: corrected, not trained.
    epochs : tuple of Epoch
    best_epoch : int
        Number of the epoch that the network is as after, from 1; 0: it stayed as it began.
    """

    config: FinetuneConfig
    corrected: float
    epochs: tuple[Epoch, ...]
    best_epoch: int

    @property
    def scores(self) -> list[float]:
        """Scores before the first epoch and after each."""
        return [self.corrected, *(one.score for one in self.epochs)]

    @property
    def best(self) -> float:
        """Score of the network as it is left."""
        return self.scores[self.best_epoch]

    def to_dataframe(self) -> pd.DataFrame:
        """Return a pandas table, a row per epoch.

        Raises
        ------
        BackendUnavailable
            pandas is not installed.
        """
        return dataframe([{"epoch": k, **asdict(one)} for k, one in enumerate(self.epochs, 1)])

    def __str__(self) -> str:
        """Return the table, a line per epoch."""
        head = f"{'epoch':>5}{'loss':>12}{'score':>10}{'gradient':>12}{'followed':>10}{'off':>10}"
        lines = [head, f"{0:>5}{'':>12}{self.corrected:>10.4f}"]
        for k, one in enumerate(self.epochs, 1):
            mark = " best" if k == self.best_epoch else ""
            lines.append(
                f"{k:>5}{one.loss:>12.5g}{one.score:>10.4f}{one.gradient:>12.3g}"
                f"{one.reductions_saved:>10.0%}{one.follow_error:>10.2g}{mark}"
            )
        return "\n".join(lines)

    def _view(self) -> View:
        score = _curve("score", range(len(self.scores)), self.scores)
        loss = _curve("loss", range(1, len(self.epochs) + 1), [one.loss for one in self.epochs])
        epoch = ("epoch", "")
        panels = [Curves("Score of the validation", [score], epoch, ("score", ""))]
        if self.epochs:
            panels.append(Curves("Loss of the training", [loss], epoch, ("loss", "")))
        facts: dict[str, Any] = {
            "corrected": f"{self.corrected:.4f}", "best": f"{self.best:.4f}",
            "best epoch": self.best_epoch,
        }
        return View("Hardware-aware training", facts, panels, self.config.to_dict())


def _curve(name: str, x: Any, y: Sequence[float]) -> Curve:
    return Curve(name, np.array(list(x), dtype=np.float64), np.array(y, dtype=np.float64))
