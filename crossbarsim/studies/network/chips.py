"""A point of a network's study: on a chip that is made again only where a point asks for it."""

from __future__ import annotations

import copy
import json
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ...core.errors import ParameterError
from ...core.settings import plain
from ...nn import CrossbarConfig, calibrate, convert, equip, report, rewire
from ...nn.calibrate import stored_names
from ..engine.identity import identity
from .batches import Batch, run_batch
from .metrics import ON_CHIP, Function

__all__ = ["ChipMeasure", "NetworkContext", "digital_outputs", "measured"]

_CIRCUIT = ("wires", "periphery")
"""Fields of the configuration that lie around the devices of a chip."""


@dataclass(frozen=True, eq=False)
class NetworkContext:
    """What all points of a network's study share.

    Attributes
    ----------
    model : torch.nn.Module
        The digital network, in evaluation mode.
    batches : list of Batch
        Held-out data.
    reference : list of tensors or None
        The digital network's outputs; None: no metric asks for them.
    calibration : list of Batch
    correct : bool
        Whether every output gets a digital gain and offset.
    metrics : dict of str to metric
    options : dict
        Of `convert`.
    """

    model: nn.Module
    batches: list[Batch]
    reference: list[Tensor] | None
    calibration: list[Batch]
    correct: bool
    metrics: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)

    def study_identity(self) -> dict[str, Any]:
        """Return what tells it from another one."""
        return {
            "model": identity(self.model), "data": _identity_of(self.batches),
            "calibration": _identity_of(self.calibration), "correct": self.correct,
            "metrics": {name: identity(
                m.call if isinstance(m, Function) else m, f"metric {name}")
                for name, m in self.metrics.items()},
            "options": {k: repr(v) for k, v in self.options.items()},
        }


def _identity_of(batches: list[Batch]) -> Any:
    return identity([[b.inputs, b.targets, b.causal] for b in batches])


def measured(metrics: Mapping[str, Any], outputs: Iterator[tuple[Batch, Tensor]]) -> dict[str, Any]:
    """Return what the metrics make of outputs, batch by batch."""
    live = {name: m for name, m in metrics.items() if not isinstance(m, str)}
    for metric in live.values():
        metric.reset()
    for batch, found in outputs:
        targets = batch.targets
        if targets is None:
            if live:
                raise ParameterError(
                    f"the data have no targets, which the metric {next(iter(live))!r} needs: give "
                    'pairs (inputs, targets) or dicts with "labels"'
                )
            continue
        wanted = targets[:, 1:] if batch.causal else targets
        for metric in live.values():
            metric.update(found, wanted)
    results = {name: metric.compute() for name, metric in live.items()}
    for metric in live.values():
        metric.reset()  # what it has kept is not sent to workers
    return results


@torch.no_grad()
def digital_outputs(model: nn.Module, batches: list[Batch]) -> list[Tensor]:
    """Return the outputs of the digital network, one tensor for each batch."""
    return [run_batch(model, batch) for batch in batches]


class ChipMeasure:
    """Measures points of a network's study, keeping the chip from one to the next.

    Points whose configurations differ in wires and periphery alone have the same devices, which
    are programmed once: other wires are put between them, other converters around them. The numbers
    of a point do not depend on those before it.
    """

    __name__ = "network"

    def __init__(self) -> None:
        self._key: str | None = None
        self._chip: nn.Module | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave the chip here."""
        return {"_key": None, "_chip": None}

    @staticmethod
    def shares(sets: Mapping[str, Any]) -> Hashable:
        """Return what of a point makes another chip."""
        return json.dumps({
            n: plain(v) for n, v in sets.items() if n.partition(".")[0] not in _CIRCUIT
        }, sort_keys=True)

    def __call__(self, config: CrossbarConfig, context: NetworkContext) -> dict[str, Any]:
        """Return the metrics of a point."""
        if config.path == "auto" and config.linear:
            # "auto" would count the inputs of points before this one
            config = config.replace(path="matrix")
        chip = self._chip_of(config, context)
        for stored in stored_names(chip).values():
            stored.ranges = type(stored.ranges)(config.input_range, config.signed_inputs)
            stored.reads = 0
        if context.correct or not config.exact_reads:
            calibrate(chip, context.calibration, correct=context.correct, forward=run_batch)
        return _values(chip, context)

    def _chip_of(self, config: CrossbarConfig, context: NetworkContext) -> nn.Module:
        """Return the chip of a configuration: the last one where its devices are the same."""
        key = json.dumps({k: plain(v) for k, v in config.settings().items() if k not in _CIRCUIT})
        if self._chip is None or key != self._key or context.options.get("overrides"):
            self._chip, self._key = None, None  # one at a time
            chip = convert(context.model, config, **context.options).eval()
            for stored in stored_names(chip).values():
                stored.chip.kept = {}
            self._chip, self._key = chip, key
            return chip
        now = next(iter(stored_names(self._chip).values())).config
        if plain(now.wires) != plain(config.wires):
            rewire(self._chip, config.wires)
        if now.periphery != config.periphery:
            equip(self._chip, config.periphery)
        return self._chip


@torch.no_grad()
def _values(chip: nn.Module, context: NetworkContext) -> dict[str, Any]:
    wrong = power = 0.0
    same = seen = 0

    def outputs() -> Iterator[tuple[Batch, Tensor]]:
        nonlocal wrong, power, same, seen
        for k, batch in enumerate(context.batches):
            found = run_batch(chip, batch)
            if context.reference is not None:
                digital = context.reference[k].double()
                wrong += float((found.double() - digital).square().sum())
                power += float(digital.square().sum())
                same += int((found.argmax(-1) == digital.argmax(-1)).sum())
                seen += digital.shape[:-1].numel()
            yield batch, found

    values = measured(context.metrics, outputs())
    error = (wrong / power) ** 0.5 if power else 0.0
    own = {"agreement": same / max(seen, 1), "output-error": error}
    costs = _costs(chip, context) if any(m in ON_CHIP for m in context.metrics.values()
                                         if isinstance(m, str)) else {}
    return {
        name: (own | costs)[m] if isinstance(m, str) else values[name]
        for name, m in context.metrics.items()
    }


def _costs(chip: nn.Module, context: NetworkContext) -> dict[str, float]:
    """Return what the chip costs for an example of the first batch, and what it holds."""
    asked = {m for m in context.metrics.values() if isinstance(m, str)}
    first = context.batches[0]
    inputs: Any = first if asked & {"energy", "latency", "area"} else None
    before = [(s, s.reads) for s in stored_names(chip).values()]
    if inputs is None:
        found = report(chip, errors="weight-error" in asked)
    else:
        # what `report` shows the model is a tensor; the batch around it goes through `forward`
        found = report(chip, first.first, errors="weight-error" in asked,
                       forward=lambda model, _: run_batch(model, first))
    for stored, reads in before:
        stored.reads = reads
    values = {"utilisation": found.utilisation}
    if found.cost is not None:
        values |= {"energy": found.cost.energy.total, "latency": found.cost.latency,
                   "area": found.cost.area.total}
    squares = [row.weight_error**2 for row in found.layers if row.weight_error is not None]
    if squares:
        values["weight-error"] = (sum(squares) / len(squares)) ** 0.5
    missing = sorted(m for m in asked if m in ON_CHIP and m not in values)
    if missing:
        raise ParameterError(f"the metric {missing[0]!r} is not known of cells that are not linear")
    return values


def evaluation_copy(model: nn.Module) -> nn.Module:
    """Return a copy of a model in evaluation mode; the user's own stays as it is."""
    return copy.deepcopy(model).eval()
