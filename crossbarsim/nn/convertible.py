"""Which of torch's layers have a form on crossbars, and why others stay digital."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear
from torch.nn.utils import parametrize

from ..core.errors import ParameterError
from . import layers
from .layers import CrossbarLayer

__all__ = ["LAYERS", "check_convertible", "crossbar_type", "why_digital"]

# torch's layer -> ours, whose last base it is
LAYERS: dict[type[nn.Module], type[CrossbarLayer]] = {
    kind.__bases__[-1]: kind for name in layers.__all__
    if (kind := getattr(layers, name)) is not CrossbarLayer
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


def crossbar_type(module: nn.Module) -> type[CrossbarLayer] | None:
    """Return the crossbar layer for a module of one of torch's types, else None.

    A subclass counts as a type of its own: its forward may do anything. A parametrised layer
    counts as what it was before.
    """
    return LAYERS.get(parametrize.type_before_parametrizations(module))


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
    if parametrize.is_parametrized(module):
        raise ParameterError(
            f"{where} has parametrised weights, which crossbars cannot keep in step with: call "
            "torch.nn.utils.parametrize.remove_parametrizations first, or exclude it"
        )
    if "forward" in vars(module):
        raise ParameterError(f"{where} has a `forward` of its own: exclude it")
    computed = [k for k, v in vars(module).items() if isinstance(v, Tensor)]
    if computed:
        raise ParameterError(
            f"{where} computes {computed} by hooks (weight_norm, spectral_norm, pruning): make "
            "that permanent first (remove_weight_norm, prune.remove, ...), or exclude it"
        )
    for key, parameter in module.named_parameters():
        if not parameter.is_floating_point():
            raise ParameterError(f"{where}: `{key}` is {parameter.dtype}; crossbars hold real ones")


def why_digital(module: nn.Module) -> str:
    """Return why a module with weights is not on crossbars; "" where it has none of its own."""
    if isinstance(module, CrossbarLayer) or not any(True for _ in module.parameters(recurse=False)):
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
            return f"a subclass of {base.__name__}, whose own forward would be lost"
    return "a module of its own kind"
