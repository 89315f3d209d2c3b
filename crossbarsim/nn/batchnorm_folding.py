"""Batch normalisations folded into the layers before them: a crossbar then does both."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils import parametrize

from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from .layers import CrossbarLayer

__all__ = ["FoldedBatchNorm", "fold_batchnorm"]

# layer -> the normalisation of its output, and the axes of the output
_PAIRS: dict[type[nn.Module], tuple[type[nn.Module], int]] = {
    nn.Linear: (nn.BatchNorm1d, 2),
    nn.Conv1d: (nn.BatchNorm1d, 3), nn.ConvTranspose1d: (nn.BatchNorm1d, 3),
    nn.Conv2d: (nn.BatchNorm2d, 4), nn.ConvTranspose2d: (nn.BatchNorm2d, 4),
    nn.Conv3d: (nn.BatchNorm3d, 5), nn.ConvTranspose3d: (nn.BatchNorm3d, 5),
}
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class FoldedBatchNorm(nn.Module):
    """The place of a batch normalisation that a layer has taken over.

    Parameters
    ----------
    layer : str
        Name of that layer.
    axes : int
        Axes of its output, batch included: with others, as ``BatchNorm1d`` takes too, channels
        would be another axis.
    """

    def __init__(self, layer: str, axes: int) -> None:
        super().__init__()
        self.layer, self.axes = layer, axes

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`.

        Raises
        ------
        ParameterError
            Its axes are not those that the folding holds for.
        """
        if x.ndim != self.axes:
            raise ParameterError(
                f"the batch normalisation folded into {self.layer!r} was one of {self.axes} axes; "
                f"got shape {tuple(x.shape)}"
            )
        return x

    def extra_repr(self) -> str:
        """Describe the module in its network's print-out."""
        return f"into {self.layer!r}"


@checks_arguments
def fold_batchnorm(model: nn.Module, *, inplace: bool = False) -> nn.Module:
    """Return `model` with batch normalisations folded into the layers before them.

    For a layer y = W x + b and a normalisation with mean m, variance v, scale g and shift s:
    W' = W g / sqrt(v + eps), b' = (b - m) g / sqrt(v + eps) + s, channel by channel. This is the
    network in evaluation mode, with its statistics fixed. Linear, Conv and ConvTranspose layers
    take the BatchNorm1d to 3d of their output where that is proven to be all that happens with
    it: by tracing the model with `torch.fx`, or, in parts that cannot be traced, by adjacency in a
    Sequential. Every other normalisation stays, digital. A folded one becomes a `FoldedBatchNorm`.

    Parameters
    ----------
    model : torch.nn.Module
        In evaluation mode; left as it is, unless `inplace`.
    inplace : bool

    Raises
    ------
    ParameterError
        Training mode; nothing that can be folded, with the reason for every normalisation.

    Examples
    --------
    >>> from torch import nn
    >>> from crossbarsim.nn import fold_batchnorm
    >>> fold_batchnorm(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).eval())
    Sequential(
      (0): Linear(in_features=3, out_features=2, bias=True)
      (1): FoldedBatchNorm(into '0')
    )
    """
    if not isinstance(model, nn.Module):
        raise ParameterError(f"`model` must be a torch.nn.Module; got {type(model).__name__}")
    target = model if inplace else copy.deepcopy(model)
    names = {id(module): name for name, module in reversed(list(target.named_modules()))}
    reasons = {
        name: "no Linear or convolution alone feeds it" for name, m in target.named_modules()
        if type(m) in _NORMS
    }
    folded: dict[int, FoldedBatchNorm] = {}
    for layer, norm in _proven(target):
        reason = _why_not(target, layer, norm)
        if reason:
            reasons[names[id(norm)]] = reason
            continue
        if layer.training or norm.training:
            raise ParameterError(
                f"{names[id(norm)]!r} is in training mode: statistics change, call model.eval()"
            )
        _fold(layer, norm)
        folded[id(norm)] = FoldedBatchNorm(names[id(layer)], _PAIRS[type(layer)][1])
    if not folded:
        found = "; ".join(f"{k!r}: {v}" for k, v in reasons.items()) or "there is none"
        raise ParameterError(f"the model has no batch normalisation to fold: {found}")
    for parent in list(target.modules()):
        for name, child in list(parent._modules.items()):  # noqa: SLF001 - shared ones too
            if child is not None and id(child) in folded:
                setattr(parent, name, folded[id(child)])
    return target


def _fold(layer: Any, norm: Any) -> None:
    scale = torch.rsqrt(norm.running_var.double() + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight.detach().double()
    shift = -norm.running_mean.double() * scale
    if norm.bias is not None:
        shift = shift + norm.bias.detach().double()
    weight = layer.weight.detach().double()
    if isinstance(layer, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
        # (in, out / groups, *kernel)
        grouped = weight.reshape(layer.groups, -1, *weight.shape[1:])
        ones = (1,) * (weight.ndim - 2)
        new = (grouped * scale.reshape(layer.groups, 1, -1, *ones)).reshape(weight.shape)
    else:
        new = weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))
    if layer.bias is not None:
        shift = shift + layer.bias.detach().double() * scale
    old = layer.weight
    layer.weight = nn.Parameter(new.to(old.dtype), requires_grad=old.requires_grad)
    layer.bias = nn.Parameter(shift.to(old.dtype), requires_grad=old.requires_grad)


# -- what is proven ------------------------------------------------------------------------------

class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if isinstance(m, CrossbarLayer):
            return True
        return super().is_leaf_module(m, module_qualified_name)


def _proven(model: nn.Module, part: nn.Module | None = None) -> Iterator[tuple[Any, Any]]:
    """Yield (layer, normalisation) where every output of the layer goes there and only there."""
    part = model if part is None else part
    if not any(type(m) in _NORMS for m in part.modules()) or type(part) in _NORMS:
        return
    try:
        graph = _Tracer().trace(part)
    except Exception:  # noqa: BLE001 - whatever a model's own code raises on symbolic values
        if type(part).forward is nn.Sequential.forward:
            slots = _slots(model)
            for a, b in itertools.pairwise(part._modules.values()):  # noqa: SLF001 - repeated too
                if slots[id(a)] == slots[id(b)] == 1 and type(b) in _NORMS:
                    yield a, b
        for child in part.children():
            yield from _proven(model, child)
        return
    here, everywhere = _slots(part), _slots(model)
    for layer, norm in _in_graph(part, graph):
        if all(here[id(m)] == everywhere[id(m)] for m in (layer, norm)):
            yield layer, norm


def _slots(model: nn.Module) -> dict[int, int]:
    """Return in how many places each module hangs."""
    count: dict[int, int] = {}
    for parent in model.modules():
        for child in parent._modules.values():  # noqa: SLF001 - shared ones too
            count[id(child)] = count.get(id(child), 0) + 1
    return count


def _in_graph(module: nn.Module, graph: fx.Graph) -> Iterator[tuple[Any, Any]]:
    calls: dict[int, list[fx.Node]] = {}
    parts = dict(module.named_modules(remove_duplicate=False))
    read = [str(node.target) for node in graph.nodes if node.op == "get_attr"]
    for node in graph.nodes:
        if node.op == "call_module":
            calls.setdefault(id(parts[str(node.target)]), []).append(node)
    for nodes in calls.values():
        layer = parts[str(nodes[0].target)]
        if type(layer) not in _PAIRS:
            continue
        users = [user for node in nodes for user in node.users]
        if len(users) != len(nodes) or any(user.op != "call_module" for user in users):
            continue
        after = {id(parts[str(user.target)]) for user in users}
        norm = parts[str(users[0].target)]
        if len(after) != 1 or type(norm) not in _NORMS or len(calls[id(norm)]) != len(nodes):
            continue
        own = [name for name, part in parts.items() if part is layer]
        if any(text.startswith(f"{name}.") for text in read for name in own):
            continue  # its parameters are used elsewhere
        yield layer, norm


def _why_not(model: nn.Module, layer: Any, norm: Any) -> str:
    """Return why a proven pair cannot be folded, or ""."""
    kind, _ = _PAIRS.get(type(layer), (None, 0))
    if kind is not type(norm):
        return f"it normalises a {type(layer).__name__}"
    outputs = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
    if norm.num_features != outputs:
        return f"it has {norm.num_features} channels, the layer {outputs}"
    if norm.running_mean is None or norm.running_var is None:
        return "it has no running statistics"
    for part in (layer, norm):
        if part._forward_hooks or part._forward_pre_hooks:  # noqa: SLF001 - torch's own asks so
            return f"there are hooks on the {type(part).__name__}"
        computed = any(isinstance(v, Tensor) for v in vars(part).values())
        if computed or parametrize.is_parametrized(part):
            return f"the weights of the {type(part).__name__} are computed"
    mine = {id(p) for p in layer.parameters()}
    for other in model.modules():
        if other is not layer and any(id(p) in mine for p in other.parameters(recurse=False)):
            return "the layer's weights are tied to another's"
    return ""
