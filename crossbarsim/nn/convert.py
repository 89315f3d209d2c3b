"""Put a trained network on crossbars."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin

from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from .batchnorm_folding import fold_batchnorm
from .config import CrossbarConfig
from .convertible import (
    DigitalLayersWarning,
    check_convertible,
    crossbar_type,
    holds_matrices,
    why_digital,
)
from .layers import CrossbarLayer

__all__ = ["convert"]

Pattern: TypeAlias = str | type[nn.Module]
Patterns: TypeAlias = Pattern | Sequence[Pattern]


@checks_arguments
def convert(
    model: nn.Module,
    config: CrossbarConfig,
    *,
    include: Patterns | None = None,
    exclude: Patterns | None = None,
    overrides: Mapping[Any, CrossbarConfig | Mapping[str, Any]] | None = None,
    fold: bool = False,
    inplace: bool = False,
) -> nn.Module:
    """Return a copy of `model` whose layers run on crossbars.

    Converted are Linear, Conv1d to 3d, ConvTranspose1d to 3d, Embedding, EmbeddingBag, RNN, LSTM,
    GRU, their cells, MultiheadAttention, GPT-2's `Conv1D`, and what `register_layer` adds,
    wherever they are in the model. Subclasses of them are converted where they differ by how they
    are made alone; others stay digital, as do all other modules; `report` lists them, and those
    with weight matrices are warned of. Layers are called through their modules: where a model's
    own code uses a layer's ``weight`` itself, that product stays digital. Parametrised weights
    (`torch.nn.utils.parametrize`: spectral and weight norm, low-rank updates) are computed anew
    and the arrays programmed with them whenever they change.

    The names in ``state_dict`` stay. A module used several times stays one module, on one set of
    crossbars. Layers that share a parameter (tied weights) go on sharing it, each on crossbars of
    its own. Torch's fast path of transformer encoders, which bypasses their layers, is turned off
    in encoders with converted layers.

    Parameters
    ----------
    model : torch.nn.Module
        Left as it is, unless `inplace`.
    config : CrossbarConfig
    include, exclude : str, type, or sequence of these, optional
        Shell-style patterns of module names (``"features.*"``), or torch's types (``nn.Conv2d``);
        default: all, none. Layers that `exclude` names are not warned of.
    overrides : mapping, optional
        Pattern or type -> another configuration, or the fields to change; the first match counts.
    fold : bool
        Fold batch normalisations into the layers before them first: see `fold_batchnorm`.
    inplace : bool
        Replace the layers in `model` itself.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ParameterError
        Wrong arguments; a pattern that matches no layer; nothing to convert; a layer that cannot
        be converted as it is (weights computed by hooks, ...).

    Warns
    -----
    DigitalLayersWarning
        Layers with weight matrices that stay digital, and why.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim.nn import CrossbarConfig, convert, report
    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 2))
    >>> chip = convert(model, CrossbarConfig(), overrides={nn.Linear: {"g_on": 5e-5}})
    >>> chip(torch.ones(1, 1, 5, 5)).shape
    torch.Size([1, 2])
    >>> [(row.name, row.kind) for row in report(chip).layers if row.converted]
    [('0', 'CrossbarConv2d'), ('3', 'CrossbarLinear')]
    """
    if not isinstance(model, nn.Module):
        raise ParameterError(f"`model` must be a torch.nn.Module; got {type(model).__name__}")
    if not isinstance(config, CrossbarConfig):
        raise ParameterError(f"`config` must be a CrossbarConfig; got {type(config).__name__}")
    wanted, unwanted = _patterns("include", include), _patterns("exclude", exclude)
    changes = {k: _override(config, k, v) for k, v in (overrides or {}).items()}
    _patterns("overrides", list(changes))
    names, layers = _names(model), _candidates(model)
    digital = _digital(model, layers)
    for pattern in (*(wanted or ()), *(unwanted or ()), *changes):
        found = list(layers.values())
        if pattern in (unwanted or ()):
            found += digital.values()
        if not any(_matches(pattern, module, names) for module in found):
            _no_match(pattern, model, names, list(layers))
    chosen: dict[str, CrossbarConfig] = {}
    for name, module in layers.items():
        if wanted is not None and not any(_matches(p, module, names) for p in wanted):
            continue
        if unwanted is not None and any(_matches(p, module, names) for p in unwanted):
            continue
        check_convertible(name, module)
        chosen[name] = next((c for p, c in changes.items() if _matches(p, module, names)), config)
    if not chosen:
        already = any(isinstance(module, CrossbarLayer) for module in model.modules())
        raise ParameterError(
            "the model has no Linear, convolution, ... layer "
            + ("left to convert: it runs on crossbars already" if already else "to convert")
        )
    _warn({
        name: module for name, module in digital.items()
        if not any(_matches(p, module, names) for p in unwanted or ())
        and (wanted is None or any(_matches(p, module, names) for p in wanted))
    })
    target = model if inplace else copy.deepcopy(model)
    if fold:
        target = fold_batchnorm(target, inplace=True)
    parts = dict(target.named_modules())
    new = {
        id(parts[name]): _layer(parts[name], one, name) for name, one in chosen.items()
    }
    return _replace(target, new, inplace=inplace)


def _layer(module: nn.Module, config: CrossbarConfig, name: str) -> CrossbarLayer:
    kind = crossbar_type(module)
    if kind is None:
        raise ParameterError(f"layer {name!r} ({type(module).__name__}) is {why_digital(module)}")
    return kind.from_digital(module, config, name)


def _patterns(argument: str, value: Any) -> tuple[Pattern, ...] | None:
    if value is None:
        return None
    several = isinstance(value, Iterable) and not isinstance(value, (str, type))
    several = several and getattr(value, "ndim", 1) != 0  # arrays without axes only look so
    items = list(value) if several else [value]
    for item in items:
        if not (isinstance(item, str) or (isinstance(item, type) and issubclass(item, nn.Module))):
            raise ParameterError(
                f"`{argument}` must be patterns of module names, or types of modules; got {item!r}"
            )
    return tuple(items)


def _override(
    config: CrossbarConfig, pattern: Any, value: CrossbarConfig | Mapping[str, Any]
) -> CrossbarConfig:
    if isinstance(value, CrossbarConfig):
        return value
    if isinstance(value, Mapping):
        return config.replace(**value)
    raise ParameterError(
        f"`overrides[{pattern!r}]` must be a CrossbarConfig or a mapping of fields"
    )


def _names(model: nn.Module) -> dict[int, list[str]]:
    """Return every name of every module, by identity: shared modules have several."""
    names: dict[int, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        names.setdefault(id(module), []).append(name)
    return names


def _candidates(model: nn.Module) -> dict[str, nn.Module]:
    """Return the layers that a conversion may choose from, and those that it must not skip."""
    found: dict[str, nn.Module] = {}
    inside: set[int] = set()
    for name, module in model.named_modules():
        if id(module) in inside:
            continue
        if isinstance(module, CrossbarLayer) or crossbar_type(module) is not None:
            inside.update(id(part) for part in module.modules())  # its parts are its own
        if crossbar_type(module) is not None or isinstance(module, LazyModuleMixin):
            found[name] = module
    return found


def _digital(model: nn.Module, layers: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """Return layers with weight matrices, of their own or read by none other, without a form."""
    inside = {
        id(part) for module in (*layers.values(), *model.modules())
        if isinstance(module, CrossbarLayer) or crossbar_type(module) is not None
        for part in module.modules()
    }
    return {
        name: module for name, module in model.named_modules()
        if id(module) not in inside and not isinstance(module, LazyModuleMixin)
        and holds_matrices(module)
    }


def _warn(digital: Mapping[str, nn.Module]) -> None:
    if not digital:
        return
    told = [
        f"{name or 'the model'!r} ({type(module).__name__}): {why_digital(module)}"
        for name, module in list(digital.items())[:8]
    ]
    more = f"; {len(digital) - len(told)} more" if len(digital) > len(told) else ""
    warnings.warn(
        f"{len(digital)} of the layers with weight matrices stay digital: {'; '.join(told)}{more}. "
        "`exclude` them if that is meant",
        DigitalLayersWarning, stacklevel=4,
    )


def _matches(pattern: Pattern, module: nn.Module, names: Mapping[int, Sequence[str]]) -> bool:
    if isinstance(pattern, str):
        return any(fnmatchcase(name, pattern) for name in names[id(module)])
    return isinstance(module, pattern)


def _no_match(
    pattern: Pattern, model: nn.Module, names: Mapping[int, Sequence[str]], layers: list[str]
) -> None:
    for name, module in model.named_modules():
        reason = why_digital(module)
        if reason and _matches(pattern, module, names):
            raise ParameterError(
                f"{pattern!r} matches no layer that can be converted: {name!r} "
                f"({type(module).__name__}) is digital: {reason}"
            )
    raise ParameterError(
        f"{pattern!r} of `include`, `exclude` or `overrides` matches no layer that can be "
        f"converted; there are {layers[:12]}"
    )


def _replace(target: nn.Module, new: Mapping[int, nn.Module], *, inplace: bool) -> nn.Module:
    if id(target) in new:
        if inplace:
            raise ParameterError("a single layer cannot be replaced in place: use the result")
        return new[id(target)]
    for parent in list(target.modules()):
        for child_name, child in list(parent._modules.items()):  # noqa: SLF001 - shared ones too
            if child is not None and id(child) in new:
                setattr(parent, child_name, new[id(child)])
    for module in target.modules():
        if not any(isinstance(part, CrossbarLayer) for part in module.modules()):
            continue
        # what their `forward` asks before it reads the weights past the layers
        if isinstance(module, nn.TransformerEncoderLayer):
            module.activation_relu_or_gelu = 0
        elif isinstance(module, nn.TransformerEncoder):
            module.use_nested_tensor = False
    return target
