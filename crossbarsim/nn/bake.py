"""Networks on crossbars as plain networks of torch, for ONNX, TensorRT, phones, and to keep."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.utils import parametrize

from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from .chip.matrix import StoredMatrix
from .layers import CrossbarLayer, CrossbarTransposedLinear

__all__ = ["bake"]


@checks_arguments
@torch.no_grad()
def bake(network: nn.Module, inputs: Any = None) -> nn.Module:
    """Return a plain torch network that computes what the crossbars of `network` compute.

    Layers without converters, noise and curved cells become torch's own layers with the effective
    weights: wires, devices and calibration are in them. Others need `inputs`: the whole network
    becomes a graph (`torch.export`) of its products, one for every array, with the converters'
    rounding between them. Both run without crossbarsim, wherever torch does, and can be saved.

    What differs from one read to the next, the noise of cells, amplifiers and converters, is left
    out; curved cells cannot be baked. Weights are the chip's, fixed: baked networks are not for
    training.

    Parameters
    ----------
    network : torch.nn.Module
        Left as it is.
    inputs : tensor or tuple of tensors, optional
        A batch of two or more, for the shapes of the graph; the number of samples stays free where
        the network's own code leaves it free.

    Returns
    -------
    torch.nn.Module
        In evaluation mode.

    Raises
    ------
    ParameterError
        No crossbar layer; converters without `inputs` or calibration; cells that are not
        linear; a layer that has no form without crossbars; code that `torch.export` cannot follow.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim import Wires
    >>> from crossbarsim.nn import CrossbarConfig, bake, convert
    >>> chip = convert(nn.Sequential(nn.Linear(8, 4)), CrossbarConfig(wires=Wires(2.0, 2.0)))
    >>> plain = bake(chip)
    >>> type(plain[0]).__name__, torch.allclose(plain(torch.ones(1, 8)), chip(torch.ones(1, 8)))
    ('Linear', True)
    """
    layers = [m for m in network.modules() if isinstance(m, CrossbarLayer)]
    if not layers:
        raise ParameterError("`network` has no crossbar layer: there is nothing to bake")
    names = {id(module): name for name, module in network.named_modules()}
    for layer in layers:
        if not layer.config.linear:
            raise ParameterError(
                f"layer {names[id(layer)]!r} has cells that are not linear: they are solved with "
                "every input, which no graph does"
            )
    fixed = all(layer.config.exact_reads for layer in layers)
    if not fixed and inputs is None:
        name = next(names[id(m)] for m in layers if not m.config.exact_reads)
        raise ParameterError(
            f"layer {name!r} has converters or noise: give `inputs`, a batch, for "
            "the shapes of a graph"
        )
    own = inputs if isinstance(inputs, tuple) else (inputs,)
    if not fixed:
        _check(own)
    target = copy.deepcopy(network).eval()
    target = _plain(target, names={id(m): n for n, m in target.named_modules()})
    if fixed:
        return target
    free = tuple({0: torch.export.Dim.AUTO} for _ in own)
    try:
        program = torch.export.export(target, own, dynamic_shapes=free, strict=False)
    except Exception as error:  # of many kinds, none of which is torch.export's own
        raise ParameterError(
            f"torch.export cannot follow the network's own code: {type(error).__name__}: {error}"
        ) from error
    return program.module()


def _check(inputs: tuple[Any, ...]) -> None:
    batch = {len(x) for x in inputs if isinstance(x, Tensor) and x.ndim}
    if len(batch) != 1 or batch == {1} or not all(isinstance(x, Tensor) for x in inputs):
        raise ParameterError(
            "`inputs` must be tensors, all of one batch of two samples or more, along the first "
            "axis"
        )


def _plain(target: nn.Module, names: dict[int, str]) -> nn.Module:
    """Replace crossbar layers by torch's where their weights say everything, in place."""
    if isinstance(target, CrossbarLayer) and target.config.exact_reads:
        return _digital(target, names[id(target)], names)
    for key, child in list(target._modules.items()):  # noqa: SLF001 - shared ones, too
        if isinstance(child, StoredMatrix):
            setattr(target, key, _FixedMatrix(child))
        elif child is not None:
            setattr(target, key, _plain(child, names))
    if isinstance(target, CrossbarLayer):
        for crossbars, weight, bias in target.stored_matrices():
            if isinstance(crossbars, _FixedMatrix):
                crossbars.fix(weight, bias)
    return target


def _digital(layer: CrossbarLayer, name: str, names: dict[int, str]) -> nn.Module:
    """Return torch's own layer with the effective weights."""
    crossbar: Any = parametrize.type_before_parametrizations(layer)
    kind: Any = crossbar.__bases__[-1]
    if isinstance(layer, CrossbarTransposedLinear):
        weights, offsets = layer.crossbars.effective(layer.weight.T, layer.bias)
        inputs, outputs = layer.weight.shape
        linear = nn.Linear(inputs, outputs, dtype=layer.weight.dtype).requires_grad_(False)
        linear.weight.copy_(weights)
        linear.bias.copy_(layer.bias if offsets is None else offsets)
        return linear
    if kind is nn.Module:
        raise ParameterError(
            f"layer {name!r} ({crossbar.__name__}) has no form in torch"
        )
    new: nn.Module = kind.__new__(kind)
    kept = {
        key: _plain(child, names) for key, child in layer._modules.items()  # noqa: SLF001
        if child is not None and not isinstance(child, StoredMatrix) and key != "parametrizations"
    }
    parameters = {
        key: None if value is None else nn.Parameter(value.detach().clone(), requires_grad=False)
        for key, value in layer._parameters.items()  # noqa: SLF001
    }
    for key in getattr(layer, "parametrizations", ()):
        parameters[key] = nn.Parameter(getattr(layer, key).detach().clone(), requires_grad=False)
    new.__dict__.update({
        **{k: v for k, v in layer.__dict__.items() if k != "config"},
        "_modules": kept, "_parameters": parameters,
    })
    if isinstance(new, nn.RNNBase):
        names_of = new._flat_weights_names  # noqa: SLF001
        new._flat_weights = [getattr(new, key, None) for key in names_of]  # noqa: SLF001
    if isinstance(new, nn.MultiheadAttention):
        new._qkv_same_embed_dim = new.in_proj_weight is not None  # noqa: SLF001
    if isinstance(new, _ConvNd):
        offset = _convolved(layer, new)
    else:
        offset = None
        own = crossbar._matrices(new)  # noqa: SLF001 - views of the new layer's parameters
        for (_, weight, bias, _), (crossbars, old, shift) in zip(
            own, layer.stored_matrices(), strict=True
        ):
            weights, offset = crossbars.effective(old, shift)
            weight.copy_(weights.reshape(weight.shape))
            if bias is not None and offset is not None:
                bias.copy_(offset)
                offset = None
    if offset is None:
        return new
    if list(parameters) != ["weight", "bias"]:
        raise ParameterError(
            f"layer {name!r}: its calibration adds offsets, and it has no bias to take them"
        )
    new.bias = nn.Parameter(offset.to(new.weight.dtype), requires_grad=False)  # type: ignore[arg-type]
    return new


def _convolved(layer: CrossbarLayer, new: Any) -> Tensor | None:
    """Give a convolution the effective kernels; groups that share an array are one: they leak."""
    ((crossbars, weight, bias),) = layer.stored_matrices()
    weights, offset = crossbars.effective(weight, bias)
    if isinstance(new, _ConvTransposeNd):
        weights = weights.reshape(weight.shape).transpose(1, 2)
    new.groups = crossbars.groups
    kernels = weights.reshape(len(new.weight), -1, *new.kernel_size).to(new.weight.dtype)
    new.weight = nn.Parameter(kernels.contiguous(), requires_grad=False)
    return offset


class _FixedMatrix(nn.Module):
    """A stored matrix whose arrays are programmed for good, in operations of torch alone."""

    def __init__(self, matrix: StoredMatrix) -> None:
        super().__init__()
        matrix.config = matrix.config.replace(path="matrix")  # a product for each array
        self.config = matrix.config
        self._matrix = [matrix]  # no part of the graph

    def fix(self, weight: Tensor, bias: Tensor | None) -> None:
        """Program the arrays with these weights."""
        self._read = self._matrix[0].fixed(weight, bias)

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return the outputs (B, groups * outputs) of x (B, groups, inputs)."""
        del weight
        y: Tensor = self._matrix[0].finish(self._read(x), bias)
        return y.to(x.dtype)

    def prefers_matrix(self, *_: Any) -> bool:
        """Never."""
        return False

    def windows(self, *_: Any) -> None:
        """Return nothing: they are unfolded."""

    def held(self) -> AbstractContextManager[None]:
        """Everything is."""
        return nullcontext()

    def check_inputs(self, x: Tensor) -> None:
        """They are what they are."""
