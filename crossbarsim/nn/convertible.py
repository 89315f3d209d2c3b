"""Which layers have a form on crossbars, and why others stay digital."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear
from torch.nn.utils import parametrize

from ..core.errors import ParameterError
from . import layers
from .layers import CrossbarLayer, CrossbarTransposedLinear

__all__ = [
    "LAYERS", "DigitalLayersWarning", "check_convertible", "crossbar_type", "holds_matrices",
    "register_layer", "why_digital",
]

# torch's layer -> ours, whose last base it is
LAYERS: dict[type[nn.Module], type[CrossbarLayer]] = {
    kind.__bases__[-1]: kind for name in layers.__all__
    if (kind := getattr(layers, name)).__bases__[-1] not in (nn.Module, CrossbarLayer)
}
_REASONS: tuple[tuple[type[nn.Module], str], ...] = (
    (NonDynamicallyQuantizableLinear, "read by the attention layer itself, which is digital"),
    (nn.Bilinear, "both factors of its products change with the input"),
    (_NormBase, "a scale and shift per channel; `fold_batchnorm` puts it into the layer before"),
    *(
        (getattr(nn, name), "a scale by statistics of its input")
        for name in ("LayerNorm", "GroupNorm", "RMSNorm") if hasattr(nn, name)  # RMSNorm: torch 2.4
    ),
    (nn.PReLU, "a nonlinearity"),
)
# What a class may say anew and still compute what its base does.
_MAKING = {"__init__", "__repr__", "extra_repr", "reset_parameters", "_reset_parameters"}

Kind: TypeAlias = type[nn.Module] | Callable[[Any], bool]

_registered: dict[type[nn.Module], type[CrossbarLayer]] = {}
_recognised: list[tuple[Callable[[Any], bool], type[CrossbarLayer]]] = [
    (CrossbarTransposedLinear.stands_for, CrossbarTransposedLinear),
]


class DigitalLayersWarning(UserWarning):
    """Layers with weight matrices stay digital in a network that is put on crossbars.

    Examples
    --------
    >>> import warnings
    >>> from crossbarsim.nn import DigitalLayersWarning
    >>> with warnings.catch_warnings():
    ...     warnings.filterwarnings("error", category=DigitalLayersWarning)  # none pass unseen
    """


def register_layer(kind: Kind, layer: type[CrossbarLayer]) -> None:
    """Let `convert` put modules of a further kind on crossbars.

    Parameters
    ----------
    kind : type of torch.nn.Module, or callable
        The modules of exactly this type (a subclass is a type of its own), or a function that
        says of a module whether it is meant, by its attributes, where its package is not to be
        imported. What was registered last is asked first, before torch's own types.
    layer : type of CrossbarLayer
        Its `from_digital` takes over the module with all its attributes and parameters; its
        `forward` computes what the module's does. `crossbarsim.nn.CrossbarLinear` for a subclass
        of `torch.nn.Linear` says that the subclass's forward is that of its base.

    Raises
    ------
    ParameterError
        `kind` is neither, or `layer` no type of CrossbarLayer.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarLinear, convert, register_layer
    >>> class Logged(nn.Linear):
    ...     def forward(self, x):
    ...         print(tuple(x.shape))
    ...         return super().forward(x)
    >>> register_layer(Logged, CrossbarLinear)
    >>> chip = convert(nn.Sequential(Logged(4, 2), nn.ReLU()), CrossbarConfig())
    >>> type(chip[0]).__name__
    'CrossbarLinear'
    """
    if not (isinstance(layer, type) and issubclass(layer, CrossbarLayer)):
        raise ParameterError(f"`layer` must be a type of CrossbarLayer; got {layer!r}")
    if isinstance(kind, type):
        if not issubclass(kind, nn.Module) or issubclass(kind, CrossbarLayer):
            raise ParameterError(
                f"`kind` must be a type of digital torch.nn.Module; got {kind.__name__}"
            )
        _registered[kind] = layer
    elif callable(kind):
        _recognised.insert(0, (kind, layer))
    else:
        raise ParameterError(
            f"`kind` must be a type of torch.nn.Module, or a function of a module; got {kind!r}"
        )


def crossbar_type(module: nn.Module) -> type[CrossbarLayer] | None:
    """Return the crossbar layer for a module, else None.

    A subclass of one of torch's types counts as its base where it says nothing of its own but how
    it is made; otherwise its forward may do anything. A parametrised layer counts as what it was
    before.
    """
    if isinstance(module, CrossbarLayer):
        return None
    kind = parametrize.type_before_parametrizations(module)
    found = _registered.get(kind) or LAYERS.get(kind)
    if found is not None:
        return found
    for meant, layer in _recognised:
        if meant(module):
            return layer
    if isinstance(module, (NonDynamicallyQuantizableLinear, LazyModuleMixin)):
        return None
    for base in kind.__mro__[1:]:
        if base in LAYERS and _computes_alike(kind, base):
            return LAYERS[base]
    return None


def _computes_alike(kind: type[nn.Module], base: type[nn.Module]) -> bool:
    """Whether a subclass differs from its base by nothing that its results depend on."""
    for between in kind.__mro__[: kind.__mro__.index(base)]:
        for name, value in vars(between).items():
            private = name.startswith("__") and name.endswith("__") and not callable(value)
            if name in _MAKING or private or name == "__annotate_func__":
                continue
            return False
    return True


def check_convertible(name: str, module: nn.Module) -> None:
    """Refuse layers whose weights are no parameters, or whose forward is not their type's.

    Raises
    ------
    ParameterError
        With the layer's name, and what to do.
    """
    kind = type(module).__name__
    where = f"layer {name!r} ({kind})"
    if isinstance(module, LazyModuleMixin):
        raise ParameterError(f"{where} is {why_digital(module)}")
    if "forward" in vars(module):
        raise ParameterError(f"{where} has a `forward` of its own: exclude it")
    computed = [k for k, v in vars(module).items() if isinstance(v, Tensor)]
    if computed:
        raise ParameterError(
            f"{where} computes {computed} by hooks (weight_norm, spectral_norm, pruning): make "
            "that permanent first (remove_weight_norm, prune.remove, ...), take torch's "
            "parametrizations instead, or exclude it"
        )
    for key, parameter in module.named_parameters():
        if not parameter.is_floating_point():
            raise ParameterError(f"{where}: `{key}` is {parameter.dtype}; crossbars hold real ones")


def why_digital(module: nn.Module) -> str:
    """Return why a module with weights is not on crossbars; "" where it has none of its own."""
    if isinstance(module, CrossbarLayer) or not _weighs(module):
        return ""
    if isinstance(module, LazyModuleMixin):
        return "not initialised: run the model once, then convert"
    if crossbar_type(module) is not None:
        return "not chosen"
    for base, reason in _REASONS:
        if isinstance(module, base):
            return reason
    for base in LAYERS:
        if isinstance(module, base):
            return (
                f"a subclass of {base.__name__}, whose own forward would be lost; `register_layer` "
                "says what stands for it"
            )
    return "a module of its own kind"


def _weighs(module: nn.Module) -> bool:
    if parametrize.is_parametrized(module):
        return True
    return any(True for _ in module.parameters(recurse=False))


def holds_matrices(module: nn.Module) -> bool:
    """Whether a digital module looks like a layer whose product could have been on crossbars.

    It has no children and a parameter with two axes or more, or is of a type below one of torch's
    layers; what the attention layer itself reads does not count.
    """
    if isinstance(module, (CrossbarLayer, NonDynamicallyQuantizableLinear)):
        return False
    if isinstance(module, tuple(LAYERS)):
        return True
    several = (
        sum(size > 1 for size in p.shape) > 1 for p in module.parameters(recurse=False)
        if p.is_floating_point()
    )
    return not any(True for _ in module.children()) and any(several)
