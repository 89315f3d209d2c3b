"""Put a trained network on crossbars, and say what was put where."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from ..netlists.errors import ParameterError
from .config import CrossbarConfig
from .layers import CrossbarConv2d, CrossbarLayer, CrossbarLinear

__all__ = ["LayerReport", "NetworkReport", "calibrate", "convert", "report"]


def _patterns(name: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    items = [value] if isinstance(value, str) else list(value)
    if not all(isinstance(item, str) for item in items):
        raise ParameterError(f"`{name}` must be a module name pattern or several; got {value!r}")
    return tuple(items)


def convert(
    model: nn.Module,
    config: CrossbarConfig,
    *,
    include: str | Sequence[str] | None = None,
    exclude: str | Sequence[str] | None = None,
    overrides: Mapping[str, CrossbarConfig | Mapping[str, Any]] | None = None,
    inplace: bool = False,
) -> nn.Module:
    """Return a copy of `model` whose Linear and Conv2d layers run on crossbars.

    The names in its ``state_dict`` stay; modules used several times stay shared.

    Parameters
    ----------
    model : torch.nn.Module
        Left as it is, unless `inplace`.
    config : CrossbarConfig
    include, exclude : str or sequence of str, optional
        Shell-style patterns of module names (``"features.*"``); default: all, none.
    overrides : mapping, optional
        Pattern -> another configuration, or the fields to change; the first match counts.
    inplace : bool
        Replace the layers in `model` itself.

    Raises
    ------
    ParameterError
        Wrong arguments, a pattern that matches no layer, or nothing to convert.
    """
    if not isinstance(model, nn.Module):
        raise ParameterError(f"`model` must be a torch.nn.Module; got {type(model).__name__}")
    if not isinstance(config, CrossbarConfig):
        raise ParameterError(f"`config` must be a CrossbarConfig; got {type(config).__name__}")
    wanted, unwanted = _patterns("include", include), _patterns("exclude", exclude)
    changes = {k: _override(config, k, v) for k, v in (overrides or {}).items()}
    target = model if inplace else copy.deepcopy(model)
    layers = {
        name: module for name, module in target.named_modules()
        if type(module) in (nn.Linear, nn.Conv2d)
    }
    for pattern in (*(wanted or ()), *(unwanted or ()), *changes):
        if not any(fnmatchcase(name, pattern) for name in layers):
            raise ParameterError(
                f"{pattern!r} matches no Linear or Conv2d layer; there are {list(layers)[:12]}"
            )
    new: dict[int, nn.Module] = {}
    for name, module in layers.items():
        if wanted is not None and not any(fnmatchcase(name, p) for p in wanted):
            continue
        if unwanted is not None and any(fnmatchcase(name, p) for p in unwanted):
            continue
        chosen = next((c for p, c in changes.items() if fnmatchcase(name, p)), config)
        if type(module) is nn.Linear:
            new[id(module)] = CrossbarLinear.from_digital(module, chosen, name)
        elif type(module) is nn.Conv2d:
            new[id(module)] = CrossbarConv2d.from_digital(module, chosen, name)
    if not new:
        raise ParameterError("the model has no Linear or Conv2d layer to convert")
    if id(target) in new:
        if inplace:
            raise ParameterError("a single layer cannot be replaced in place: use the result")
        return new[id(target)]
    for parent in list(target.modules()):
        for child_name, child in parent._modules.items():  # noqa: SLF001 - shared children too
            if child is not None and id(child) in new:
                setattr(parent, child_name, new[id(child)])
    return target


def _override(
    config: CrossbarConfig, pattern: str, value: CrossbarConfig | Mapping[str, Any]
) -> CrossbarConfig:
    if isinstance(value, CrossbarConfig):
        return value
    if isinstance(value, Mapping):
        return config.replace(**value)
    raise ParameterError(
        f"`overrides[{pattern!r}]` must be a CrossbarConfig or a mapping of fields"
    )


@torch.no_grad()
def calibrate(model: nn.Module, loader: Iterable[Any]) -> dict[str, float]:
    """Set every crossbar layer's input range to the largest magnitude that `loader` brings.

    Parameters
    ----------
    model : torch.nn.Module
        A converted network.
    loader : iterable
        Input tensors, or tuples that start with one.

    Returns
    -------
    dict
        Layer name -> input range.
    """
    layers = {n: m for n, m in model.named_modules() if isinstance(m, CrossbarLayer)}
    if not layers:
        raise ParameterError("the model has no crossbar layers: convert it first")
    largest = dict.fromkeys(layers, 0.0)

    def watch(name: str) -> Any:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            largest[name] = max(largest[name], float(inputs[0].abs().max()))

        return hook

    handles = [m.register_forward_pre_hook(watch(n)) for n, m in layers.items()]
    try:
        for batch in loader:
            model(batch[0] if isinstance(batch, (tuple, list)) else batch)
    finally:
        for handle in handles:
            handle.remove()
    for name, layer in layers.items():
        if largest[name] <= 0:
            raise ParameterError(f"the loader brought layer {name!r} no input other than 0")
        layer.input_range = largest[name]
    return largest


@dataclass(frozen=True)
class LayerReport:
    """One layer: its name, type, and, where converted, what it takes on chip.

    `tiles` counts weight blocks, `arrays` physical arrays, `cells` those arrays' cells at their
    full shape, `used` the cells that hold weights (or their reference).
    """

    name: str
    kind: str
    converted: bool
    tiles: int = 0
    arrays: int = 0
    cells: int = 0
    used: int = 0

    @property
    def utilisation(self) -> float:
        """Share of the arrays' cells that hold weights."""
        return self.used / self.cells if self.cells else 0.0


@dataclass(frozen=True)
class NetworkReport:
    """What `report` found; `str()` is a table."""

    layers: tuple[LayerReport, ...]

    @property
    def utilisation(self) -> float:
        """Share of all arrays' cells that hold weights."""
        cells = sum(layer.cells for layer in self.layers)
        return sum(layer.used for layer in self.layers) / cells if cells else 0.0

    def __str__(self) -> str:
        """Return the table, a line per layer."""
        lines = [f"{'layer':<28}{'type':<18}{'tiles':>7}{'arrays':>8}{'in use':>9}"]
        for layer in self.layers:
            if layer.converted:
                lines.append(
                    f"{layer.name:<28}{layer.kind:<18}{layer.tiles:>7}{layer.arrays:>8}"
                    f"{layer.utilisation:>9.1%}"
                )
            else:
                lines.append(f"{layer.name:<28}{layer.kind:<18}{'digital':>7}")
        return "\n".join(lines)


def report(model: nn.Module) -> NetworkReport:
    """List the crossbar layers of `model` and the layers that stay digital."""
    rows = []
    for name, module in model.named_modules():
        kind = type(module).__name__
        if isinstance(module, CrossbarLayer):
            with torch.no_grad():
                stored = module.stored()
            height, width = module.config.tile_shape
            cells = [g for _, _, tile_cells, _ in stored for g in tile_cells]
            rows.append(LayerReport(
                name, kind, converted=True, tiles=len(stored), arrays=len(cells),
                cells=height * width * len(cells), used=sum(g.numel() for g in cells),
            ))
        elif not any(True for _ in module.children()):
            rows.append(LayerReport(name, kind, converted=False))
    return NetworkReport(tuple(rows))
