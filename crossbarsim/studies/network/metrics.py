"""What is made of a network's outputs: accuracies, perplexity, F1, and anyone's own function."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional as F

from ...core.errors import ParameterError
from ...core.settings import checks_arguments, closest
from ...core.validation import count as whole
from ...core.validation import shown

__all__ = [
    "F1", "METRICS", "ON_CHIP", "OWN", "Function", "Metric", "Perplexity", "TopK", "named_metrics",
]

_IGNORED = -100
"""The target that counts for nothing, as torch's and Hugging Face's losses have it."""
ON_CHIP = ("energy", "latency", "area", "weight-error", "utilisation")
"""What a chip costs and holds: names of metrics that need no targets."""
OWN = ("agreement", "output-error")
"""Against the digital network: the share of equal predictions; the outputs' relative RMS error."""


@runtime_checkable
class Metric(Protocol):
    """What goes through all batches; those of torchmetrics have it, too."""

    def reset(self) -> Any:
        """Begin anew."""

    def update(self, outputs: Tensor, targets: Tensor) -> Any:
        """Take in the outputs (n, ...) of a batch and what they should be."""

    def compute(self) -> Any:
        """Return the number."""


def _rows(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return outputs (n, classes) and targets (n,) of everything that counts."""
    if outputs.shape[:-1] != targets.shape:
        if outputs.ndim > 1 and outputs.shape[:1] + outputs.shape[2:] == targets.shape:
            outputs = outputs.movedim(1, -1)  # of segmentations
        else:
            raise ParameterError(
                f"outputs {tuple(outputs.shape)} and targets {tuple(targets.shape)} do not belong "
                "together: one class for each output is needed"
            )
    flat, wanted = outputs.reshape(-1, outputs.shape[-1]), targets.reshape(-1)
    if wanted.dtype.is_floating_point:
        raise ParameterError(f"targets must be classes, integers; got {wanted.dtype}")
    counts = wanted != _IGNORED
    return flat[counts], wanted[counts].long()


@checks_arguments
class TopK:
    """Share of targets among the `k` largest outputs.

    Parameters
    ----------
    k : int
    """

    def __init__(self, k: int = 1) -> None:
        self.k = whole("k", k)
        self.reset()

    def study_identity(self) -> dict[str, Any]:
        """Return what tells it from another one."""
        return {"metric": "top-k", "k": self.k}

    def reset(self) -> None:
        """Begin anew."""
        self._right = self._seen = 0

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Take in a batch."""
        rows, wanted = _rows(outputs, targets)
        k = min(self.k, rows.shape[-1])
        # of equal outputs the first is the prediction, as in argmax
        best = rows.argmax(-1, keepdim=True) if k == 1 else rows.topk(k).indices
        self._right += int((best == wanted[:, None]).any(-1).sum())
        self._seen += len(wanted)

    def compute(self) -> float:
        """Return the share, 0 to 1."""
        return self._right / self._seen if self._seen else math.nan


class Perplexity:
    """Exponential of the mean cross-entropy, nat, of the targets.

    Of language models whose targets are their inputs, each counts against the output before it.
    """

    def __init__(self) -> None:
        self.reset()

    @staticmethod
    def study_identity() -> dict[str, Any]:
        """Return what tells it from another one."""
        return {"metric": "perplexity"}

    def reset(self) -> None:
        """Begin anew."""
        self._sum, self._seen = 0.0, 0

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Take in a batch."""
        rows, wanted = _rows(outputs, targets)
        self._sum += float(F.cross_entropy(rows.double(), wanted, reduction="sum"))
        self._seen += len(wanted)

    def compute(self) -> float:
        """Return the perplexity, >= 1."""
        if not self._seen:
            return math.nan
        mean = self._sum / self._seen
        return math.exp(mean) if mean < 700 else math.inf


@checks_arguments
class F1:
    """Harmonic mean of precision and recall, from predictions by the largest output.

    Parameters
    ----------
    average : {"macro", "micro", "weighted", "binary"}
        Mean over the classes that occur in targets or predictions; all decisions together; mean by
        how often a class is the target; of class 1 alone.
    """

    def __init__(
        self, average: Literal["macro", "micro", "weighted", "binary"] = "macro"
    ) -> None:
        self.average = average
        self.reset()

    def study_identity(self) -> dict[str, Any]:
        """Return what tells it from another one."""
        return {"metric": "f1", "average": self.average}

    def reset(self) -> None:
        """Begin anew."""
        self._table = torch.zeros(0, 0, dtype=torch.long)

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Take in a batch."""
        rows, wanted = _rows(outputs, targets)
        count = max(len(self._table), rows.shape[-1], int(wanted.max()) + 1 if len(wanted) else 0)
        if len(self._table) < count:
            larger = torch.zeros(count, count, dtype=torch.long)
            larger[:len(self._table), :len(self._table)] = self._table
            self._table = larger
        hits = torch.bincount(wanted * count + rows.argmax(-1), minlength=count**2)
        self._table += hits.reshape(count, count)

    def compute(self) -> float:
        """Return F1, 0 to 1; of classes that never occur it is left out."""
        right = self._table.diagonal().double()
        wanted, predicted = self._table.sum(1).double(), self._table.sum(0).double()
        if not float(wanted.sum()):
            return math.nan
        if self.average == "micro":
            return float(right.sum() / wanted.sum())
        each = 2 * right / (wanted + predicted).clamp(min=1)
        if self.average == "binary":
            return float(each[1]) if len(each) > 1 else math.nan
        if self.average == "weighted":
            return float((each * wanted).sum() / wanted.sum())
        return float(each[wanted + predicted > 0].mean())


@checks_arguments
class Function:
    """A metric of a function of all outputs and all targets.

    Parameters
    ----------
    call : function
        ``call(outputs, targets)``.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self._outputs: list[Tensor] = []
        self._targets: list[Tensor] = []

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Keep a batch."""
        self._outputs.append(outputs)
        self._targets.append(targets)

    def compute(self) -> Any:
        """Return what the function does."""
        return self.call(torch.cat(self._outputs), torch.cat(self._targets))


METRICS: Mapping[str, Callable[[], Metric]] = {
    "accuracy": TopK, "top-1": TopK, "top-5": lambda: TopK(5), "perplexity": Perplexity, "f1": F1,
}


def named_metrics(given: Any) -> dict[str, Any]:
    """Return metrics by name: objects of `Metric`, or the names in `OWN` and `ON_CHIP`.

    Parameters
    ----------
    given : str, metric, function, or several as sequence or mapping

    Raises
    ------
    ParameterError
        A name that there is not, or something else.
    """
    if isinstance(given, Mapping):
        return {str(name): _metric(one) for name, one in given.items()}
    several: Sequence[Any] = given if isinstance(given, (list, tuple)) else [given]
    found: dict[str, Any] = {}
    for one in several:
        name = _name(one)
        if name in found:
            raise ParameterError(f"two metrics are called {name!r}: give them by name")
        found[name] = _metric(one)
    if not found:
        raise ParameterError("`metric` names none")
    return found


def _name(one: Any) -> str:
    if isinstance(one, str):
        return one.replace("-", "_")
    if isinstance(one, TopK):
        return f"top_{one.k}"
    name = getattr(one, "__name__", type(one).__name__.lower())
    return "value" if name == "<lambda>" else str(name)


def _metric(one: Any) -> Any:
    if isinstance(one, str):
        if one in METRICS:
            return METRICS[one]()
        if one in OWN or one in ON_CHIP:
            return one
        raise ParameterError(f"no metric {one!r}{closest(one, [*METRICS, *OWN, *ON_CHIP])}")
    if isinstance(one, type):
        raise ParameterError(f"`metric` {one.__name__} is a class: give one made of it")
    if isinstance(one, Metric):
        return one
    if callable(one):
        return Function(one)
    raise ParameterError(
        "`metric` must be a name, a function of outputs and targets, or have reset, update and "
        f"compute; got {shown(one)}"
    )
