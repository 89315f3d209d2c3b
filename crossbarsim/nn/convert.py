"""Put a trained network on crossbars."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from ..netlists.errors import ParameterError
from .config import CrossbarConfig
from .layers import CrossbarConv2d, CrossbarLinear

__all__ = ["convert"]


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
