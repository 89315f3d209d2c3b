"""The study of anyone's network on crossbars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from ...core.errors import ParameterError
from ...core.progress import Progress
from ...core.settings import checks_arguments, closest
from ...nn import CrossbarConfig, convert
from ..engine.study import Study
from ..engine.worker import pinned
from ..results import StudyResult
from .batches import batches_of
from .chips import (
    ChipMeasure,
    NetworkContext,
    digital_outputs,
    evaluation_copy,
    measured,
)
from .metrics import OWN, named_metrics

__all__ = ["NetworkStudy", "network_study"]

_CALIBRATION = 128  # examples where none are given


@checks_arguments
class NetworkStudy(Study):
    """A network on crossbars, against anything in their configuration.

    Parameters
    ----------
    model : torch.nn.Module
        Trained; left as it is.
    data : DataLoader, Dataset, or iterable of batches
        Held-out: pairs (inputs, targets), dicts as Hugging Face's data sets bring them, or inputs
        alone. Read once.
    config : CrossbarConfig
        At every point a copy of it has the values of the axes.
    axes, seeds, stop, along, units, threads, name
        As of `Study`. Seeds are chips.
    metric : str, function, metric, or several
        "accuracy" (as "top-1"), "top-5", "perplexity", "f1"; "agreement" and "output-error" against
        the digital network; "energy", "latency", "area" of an example, "weight-error",
        "utilisation"; ``function(outputs, targets)``; objects with ``reset``, ``update`` and
        ``compute``, as of torchmetrics.
    calibration : data, optional
        For `calibrate`, which converters, noise and curved cells need; default: the first 128
        held-out examples.
    correct : bool
        Whether every output gets the digital gain and offset that calibration finds.
    batch : int
        Size of the batches of a data set.
    examples : int, optional
        Held-out examples, from the first on; default: all.
    options : mapping, optional
        Of `convert`: ``include``, ``exclude``, ``overrides``, ``fold``.

    Raises
    ------
    ParameterError
        A model that cannot be converted, data that end early, a metric that there is not.

    Notes
    -----
    What does not depend on an axis is computed once: the digital network's outputs; a chip's
    devices, programmed, while wires and periphery change; its effective matrices, while converters
    change. Linear cells are read through effective matrices (``path="matrix"``).

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim.nn import CrossbarConfig
    >>> from crossbarsim.studies import NetworkStudy
    >>> torch.manual_seed(0)  # doctest: +ELLIPSIS
    <torch._C.Generator object at ...>
    >>> model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    >>> x = torch.randn(64, 16)
    >>> data = [(x, model(x).argmax(1))]
    >>> study = NetworkStudy(model, data, CrossbarConfig(), axes={"wires.word": [0.0, 50.0]},
    ...                      metric=["accuracy", "output-error"])
    >>> result = study.run()
    >>> result.measures, bool(result.dataset.output_error.diff("wires.word") > 0)
    (('accuracy', 'output_error'), True)
    """

    def __init__(
        self, model: nn.Module, data: Any, config: CrossbarConfig, *, axes: Any,
        metric: Any = "accuracy", seeds: Any = None, calibration: Any = None,
        correct: bool = False, batch: int = 128, examples: int | None = None,
        options: Mapping[str, Any] | None = None, stop: Callable[..., Any] | None = None,
        along: str | None = None, units: Mapping[str, str] | None = None,
        threads: int | None = 1, name: str = "",
    ) -> None:
        metrics = named_metrics(metric)
        convert(model, config, **(options or {}))  # what cannot be converted is told at once
        digital = evaluation_copy(model)
        held = batches_of(data, batch=batch, examples=examples)
        typical = batches_of(calibration, batch=batch, name="calibration") if (
            calibration is not None) else _first(held)
        asks = any(m in OWN for m in metrics.values() if isinstance(m, str))
        with pinned(threads):
            outputs = digital_outputs(digital, held)
            found = measured(metrics, iter(zip(held, outputs, strict=True)))
        self.digital: dict[str, Any] = {
            k: v for k, v in found.items() if isinstance(v, (int, float))}
        """What the metrics make of the digital network."""
        context = NetworkContext(
            digital, held, outputs if asks else None, typical, correct, metrics,
            dict(options or {}),
        )
        super().__init__(
            ChipMeasure(), axes, config=config, seeds=seeds, context=context, stop=stop,
            along=along, units=units, threads=threads, name=name,
        )

    def _about(self) -> dict[str, Any]:
        return {**super()._about(), "digital": self.digital}


def _first(batches: list[Any]) -> list[Any]:
    """Return the first batches, so many that they hold enough examples."""
    found, seen = [], 0
    for one in batches:
        found.append(one)
        seen += len(one)
        if seen >= _CALIBRATION:
            break
    return found


@checks_arguments
def network_study(
    model: nn.Module, data: Any, config: CrossbarConfig, *, axes: Any, metric: Any = "accuracy",
    out: str | Path | None = None, executor: Any = None, workers: int | None = None,
    shard: Any = None, retry: bool = False, progress: Progress = None, **options: Any,
) -> StudyResult:
    """Measure a network on crossbars against anything in their configuration.

    Parameters
    ----------
    model, data, config, axes, metric
        As of `NetworkStudy`.
    out, executor, workers, shard, retry, progress
        As of `Study.run`.
    **options
        The others of `NetworkStudy`.

    Returns
    -------
    StudyResult
        A variable for every metric; ``settings["digital"]`` has those of the digital network.

    Raises
    ------
    ParameterError
        As `NetworkStudy` and `Study.run`.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim.nn import CrossbarConfig
    >>> from crossbarsim.studies import network_study
    >>> model = nn.Sequential(nn.Linear(8, 3))
    >>> data = torch.utils.data.TensorDataset(torch.randn(20, 8), torch.zeros(20, dtype=torch.long))
    >>> found = network_study(model, data, CrossbarConfig(), axes={"wires.word": [0.0, 5.0]},
    ...                       metric=["top-1", "f1"], seeds=2)
    >>> found.axes
    {'wires.word': 2, 'seed': 2}
    """
    study = NetworkStudy(model, data, config, axes=axes, metric=metric, **_known(options))
    return study.run(out, executor=executor, workers=workers, shard=shard, retry=retry,
                     progress=progress)


def _known(options: dict[str, Any]) -> dict[str, Any]:
    known = ("seeds", "calibration", "correct", "batch", "examples", "options", "stop", "along",
             "units", "threads", "name")
    for name in options:
        if name not in known:
            raise ParameterError(f"network_study has no argument `{name}`{closest(name, known)}")
    return options
