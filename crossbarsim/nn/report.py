"""What of a network lies on crossbars, on how many, how well, and at what cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from ..core.views.brief import brief_repr
from ..core.views.numbers import readable
from ..core.views.optional import dataframe
from ..core.views.panels import Table
from ..core.views.shown import Shown, View
from ..periphery import LayerCost, NetworkCost, Technology
from .chip.matrix import StoredMatrix
from .chip.matrix_report import Inspection, inspecting, weight_errors
from .convertible import why_digital
from .layers import CrossbarLayer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LayerReport", "NetworkReport", "report"]


@runtime_checkable
class HasArrays(Protocol):
    """A layer that is arrays of its own, as those trained in place."""

    @property
    def array_shapes(self) -> tuple[tuple[int, int], ...]:
        """Word lines and bit lines of every array."""
        ...


@dataclass(frozen=True)
class LayerReport:
    """One layer: its name, type, and, where converted, what it takes on chip.

    Attributes
    ----------
    name, kind : str
    converted : bool
    tiles, arrays : int
        Weight blocks, and physical arrays.
    cells, used : int
        Cells of the arrays at their full shape, and those that hold weights or their reference.
    reason : str
        Why a layer with weights is digital.
    weight_error : float or None
        Norm of the difference between the weights that the crossbars realise and those of the
        layer, over the latter's; None for cells that are not linear.
    ir_drop : float or None
        The wires' and amplifiers' part of it: against the same devices without resistance between
        them.
    output_error : float or None
        Root mean square of the outputs' error on the digital network's activations, over that of
        the outputs; with inputs.
    cost : LayerCost or None
        Per inference; with inputs.
    surrogate_error : float or None
        What the linearisation of curved cells adds to the outputs' error, relative to the exact
        outputs, at a few of the inputs; with inputs and ``path="born"`` or "surrogate".
    saturated : float or None
        Share of the inputs beyond the calibrated range; with inputs, where ranges count.
    faulty, resampled : int or None
        Cells with a fault, and cells that were drawn again because their R_on met R_off; None
        without `errors`.
    """

    name: str
    kind: str
    converted: bool
    tiles: int = 0
    arrays: int = 0
    cells: int = 0
    used: int = 0
    reason: str = ""
    weight_error: float | None = None
    ir_drop: float | None = None
    output_error: float | None = None
    cost: LayerCost | None = None
    surrogate_error: float | None = None
    saturated: float | None = None
    faulty: int | None = None
    resampled: int | None = None

    @property
    def utilisation(self) -> float:
        """Share of the arrays' cells that hold weights."""
        return self.used / self.cells if self.cells else 0.0


@dataclass(frozen=True)
class NetworkReport(Shown):
    """What `report` found; `str()` is a table.

    Attributes
    ----------
    layers : tuple of LayerReport
    output_error : float or None
        Root mean square of the network's error against the digital network, over that of the
        latter's outputs; with inputs.
    """

    layers: tuple[LayerReport, ...]
    output_error: float | None = None

    __repr__ = brief_repr

    @property
    def utilisation(self) -> float:
        """Share of all arrays' cells that hold weights."""
        cells = sum(layer.cells for layer in self.layers)
        return sum(layer.used for layer in self.layers) / cells if cells else 0.0

    @cached_property
    def cost(self) -> NetworkCost | None:
        """Cost per inference of all crossbar layers; None without inputs."""
        costs = {layer.name: layer.cost for layer in self.layers if layer.cost is not None}
        return NetworkCost(costs) if costs else None

    def _view(self) -> View:
        columns = [
            ("layer", ""), ("type", ""), ("tiles", ""), ("arrays", ""), ("in use", "%"),
            ("weight error", "%"), ("IR drop", "%"), ("output error", "%"),
            ("array error", "%"), ("energy", "J"), ("latency", "s"), ("area", "m^2"),
            ("faulty cells", ""), ("digital because", ""),
        ]
        rows = []
        for one in self.layers:
            cost = one.cost
            rows.append([
                one.name, one.kind,
                *([one.tiles, one.arrays, one.utilisation] if one.converted else [None] * 3),
                one.weight_error, one.ir_drop, one.output_error,
                None if cost is None else cost.array_error,
                None if cost is None else cost.energy.total,
                None if cost is None else cost.latency, None if cost is None else cost.area.total,
                one.faulty, "" if one.converted else one.reason or "has no weights",
            ])
        # columns that no layer has are left out
        kept = [k for k in range(len(columns)) if any(row[k] not in (None, "") for row in rows)]
        names = [columns[k][0] for k in kept]
        measured = [n for n in ("output error", "weight error", "tiles") if n in names]
        facts: dict[str, Any] = {
            "layers on crossbars": sum(one.converted for one in self.layers),
            "arrays": sum(one.arrays for one in self.layers),
            "cells in use": f"{self.utilisation:.1%}",
        }
        if self.output_error is not None:
            facts["error of the outputs"] = _percent(self.output_error)
        if self.cost is not None:
            facts["energy of an inference"] = readable(self.cost.energy.total, "J")
            facts["area"] = f"{1e6 * self.cost.area.total:.4g} mm^2"
        panel = Table(
            "Layers", [columns[k] for k in kept], [[row[k] for k in kept] for row in rows],
            sort=measured[0] if measured else "", bars=measured[:1],
        )
        return View("Network on crossbars", facts, [panel])

    def to_dataframe(self) -> pd.DataFrame:
        """Return a pandas table, a row per layer; energy in joule, latency in second, area in m^2.

        Raises
        ------
        BackendUnavailable
            pandas is not installed.
        """
        rows = []
        for layer in self.layers:
            row = {k: v for k, v in asdict(layer).items() if k != "cost"}
            cost = layer.cost
            rows.append({
                **row, "utilisation": layer.utilisation,
                "energy": None if cost is None else cost.energy.total,
                "array_error": None if cost is None else cost.array_error,
                "latency": None if cost is None else cost.latency,
                "area": None if cost is None else cost.area.total,
            })
        return dataframe(rows)

    def __str__(self) -> str:
        """Return the table, a line per layer."""
        costly = any(layer.cost is not None for layer in self.layers)
        head = (f"{'layer':<28}{'type':<26}{'tiles':>7}{'arrays':>8}{'in use':>9}{'weights':>9}"
                f"{'IR drop':>9}")
        if costly:
            head += f"{'outputs':>9}{'nJ':>10}{'us':>10}{'mm^2':>9}"
        lines = [head]
        for layer in self.layers:
            line = f"{layer.name:<28}{layer.kind:<26}"
            if not layer.converted:
                line += f"{'digital':>7}  {layer.reason}"
                lines.append(line.rstrip())
                continue
            line += f"{layer.tiles:>7}{layer.arrays:>8}{layer.utilisation:>9.1%}"
            line += f"{_percent(layer.weight_error):>9}{_percent(layer.ir_drop):>9}"
            if layer.cost is not None:
                line += f"{_percent(layer.output_error):>9}{1e9 * layer.cost.energy.total:>10.4g}"
                line += f"{1e6 * layer.cost.latency:>10.4g}{1e6 * layer.cost.area.total:>9.3g}"
            lines.append(line)
        for what, name in (("faulty", "faulty"), ("drawn again (R_on met R_off)", "resampled")):
            count = sum(getattr(layer, name) or 0 for layer in self.layers)
            if count:
                used = sum(layer.used for layer in self.layers)
                lines.append(f"cells {what}: {count} of {used}")
        beyond = [f"{row.name} {row.saturated:.2%}" for row in self.layers if row.saturated]
        if beyond:
            lines.append(f"inputs beyond their range: {', '.join(beyond)}")
        if self.output_error is not None:
            lines.append(f"outputs of the network: {_percent(self.output_error)} off")
        return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


@checks_arguments
@torch.no_grad()
def report(
    model: nn.Module, inputs: Any = None, *, errors: bool = True,
    technology: Technology | None = None,
    forward: Callable[[nn.Module, Any], Any] | None = None,
) -> NetworkReport:
    """List the crossbar layers of `model`, and all that stays digital.

    Digital are modules with parameters of their own, with the reason, and modules without children.

    Parameters
    ----------
    model : torch.nn.Module
    inputs : tensor or tuple, optional
        A batch: adds the errors of outputs, layer by layer and of the network, and what an
        inference (one entry of the batch) costs by `crossbarsim.periphery.layer_cost`. The
        arrays' energy is that of the cells' conductances at all of these inputs, patches and
        phases, and of circuit solutions at a few of them for what wires and curved cells change;
        `LayerCost.array_error` is the standard error that this leaves. Arrays that are read side
        by side (queries, keys and values; inputs and states of a recurrent layer) count once in
        the latency.
    errors : bool
        Whether to compute the errors of weights, which takes solving all arrays unless that has
        been done.
    technology : Technology, optional
        Of the cost.
    forward : callable, optional
        ``forward(model, inputs)`` for models that take something else than one tensor.

    Raises
    ------
    ParameterError
        With inputs: converters or cells that are not linear, and no calibration yet.

    Examples
    --------
    >>> from torch import nn
    >>> from crossbarsim.nn import CrossbarConfig, convert, report
    >>> chip = convert(nn.Sequential(nn.Linear(200, 100), nn.ReLU()), CrossbarConfig())
    >>> row = report(chip).layers[0]
    >>> row.tiles, row.arrays, round(row.utilisation, 3), 0.05 < row.ir_drop < 0.2
    (2, 4, 0.61, True)
    """
    found: dict[StoredMatrix, Inspection] = {}
    output_error = None
    if inputs is not None:
        _first(inputs)
    if inputs is not None:
        run = forward or _forward
        training = [module for module in model.modules() if module.training]
        model.eval()
        try:
            with inspecting(model) as found:
                digital = _first(run(model, inputs))
            chip = _first(run(model, inputs))
        finally:
            for module in training:
                module.training = True
        output_error = float((chip - digital).norm() / digital.norm().clamp(min=1e-300))
    batch = len(_first(inputs)) if inputs is not None else 1
    rows = []
    inside = {
        part for layer in model.modules() if isinstance(layer, CrossbarLayer)
        for own in layer.children() if isinstance(own, nn.ModuleDict)  # parametrisations
        for part in own.modules()
    }
    for name, module in model.named_modules():
        if module in inside:
            continue
        kind = type(module).__name__
        if isinstance(module, CrossbarLayer):
            rows.append(_layer(name, module, found, batch, technology, errors=errors))
        elif isinstance(module, HasArrays):
            used = sum(height * width for height, width in module.array_shapes)
            rows.append(LayerReport(
                name, kind, converted=True, tiles=1, arrays=len(module.array_shapes), cells=used,
                used=used,
            ))
        elif not isinstance(module, StoredMatrix):
            reason = why_digital(module)
            if reason or not any(True for _ in module.children()):
                rows.append(LayerReport(name, kind, converted=False, reason=reason))
    return NetworkReport(tuple(rows), output_error)


def _forward(model: nn.Module, inputs: Any) -> Any:
    return model(*inputs) if isinstance(inputs, (tuple, list)) else model(inputs)


def _first(value: Any) -> Tensor:
    while isinstance(value, (tuple, list)) and value:
        value = value[0]
    if not isinstance(value, Tensor):
        raise ParameterError(f"`inputs` and outputs must be tensors; got {type(value).__name__}")
    return value


def _layer(
    name: str, layer: CrossbarLayer, found: dict[StoredMatrix, Inspection], batch: int,
    technology: Technology | None, *, errors: bool,
) -> LayerReport:
    height, width = layer.config.tile_shape
    tiles = arrays = used = 0
    squares = torch.zeros(4)  # of weight error, weights, drop, weights without wires
    inspections = []
    faulty = resampled = 0
    for crossbars, weight, bias in layer.stored_matrices():
        for block in crossbars.blocks():
            rows, columns = crossbars.chip.shape(block)
            count = len(crossbars.chip.layout.arrays)
            tiles, arrays = tiles + 1, arrays + count
            used += count * rows * columns // crossbars.packed
        if errors:
            broken, again = crossbars.chip.census(crossbars.blocks())
            faulty, resampled = faulty + broken, resampled + again
        if errors and layer.config.linear:
            squares += torch.tensor(weight_errors(crossbars, weight, bias))
        if crossbars in found:
            inspections.append((found[crossbars], crossbars, weight, bias))
    weight_error = drop = output_error = cost = surrogate = saturated = None
    if errors and layer.config.linear:
        weight_error = float((squares[0] / squares[1]).sqrt()) if squares[1] else 0.0
        drop = float((squares[2] / squares[3]).sqrt()) if squares[3] else 0.0
    if inspections:
        wrong = sum(one.wrong for one, *_ in inspections)
        power = sum(one.power for one, *_ in inspections)
        output_error = (wrong / power) ** 0.5 if power else 0.0
        if not layer.config.exact_reads:
            inputs = sum(one.inputs for one, *_ in inspections)
            saturated = sum(one.clipped for one, *_ in inspections) / max(inputs, 1)
        pairs = [one.surrogate for one, *_ in inspections if one.surrogate is not None]
        if pairs:
            surrogate = (sum(p[0] for p in pairs) / max(sum(p[1] for p in pairs), 1e-300)) ** 0.5
        costs = {
            crossbars: one.cost(crossbars, weight, bias, batch, technology)
            for one, crossbars, weight, bias in inspections
        }
        cost = _joined([
            [costs[crossbars] for crossbars in stage if crossbars in costs]
            for stage in layer.stages()
        ])
    return LayerReport(
        name, type(layer).__name__, converted=True, tiles=tiles, arrays=arrays,
        cells=height * width * arrays, used=used, weight_error=weight_error, ir_drop=drop,
        output_error=output_error, cost=cost, surrogate_error=surrogate,
        saturated=saturated, faulty=faulty if errors else None,
        resampled=resampled if errors else None,
    )


def _joined(stages: list[list[LayerCost]]) -> LayerCost:
    """Return the cost of matrices, those of a stage side by side and stage after stage."""
    costs = [cost for stage in stages for cost in stage]
    if len(costs) == 1:
        return costs[0]
    whole = NetworkCost({str(k): cost for k, cost in enumerate(costs)})
    latency = sum(max(cost.latency for cost in stage) for stage in stages if stage)
    return LayerCost(
        whole.energy, whole.area, latency, sum(c.conversions for c in costs),
        sum(c.macs for c in costs), whole.array_error,
    )
