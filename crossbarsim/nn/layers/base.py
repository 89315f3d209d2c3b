"""What layers with weights on crossbars share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from ...core.errors import ParameterError
from ...solvers import Solver
from ..chip.matrix import StoredMatrix
from ..chip.products import compiled, multiplied
from ..chip.weight_cache import tracked
from ..config import CrossbarConfig
from .prepared import prepare, prepared_pass

__all__ = ["CrossbarLayer", "Matrix", "as_operator", "effective", "product"]

# name of the crossbars; weight (groups * outputs, inputs) or (groups, outputs, inputs); bias;
# groups
Matrix = tuple[str, Tensor, Tensor | None, int]


class CrossbarLayer(nn.Module):
    """A layer whose weights lie on crossbars: a mixin that comes before torch's own layer.

    Parameters
    ----------
    *arguments, **options
        Of torch's layer.
    config : CrossbarConfig, optional
    chip : str
        The layer's name in its network; with the seed it names the device variation.

    Attributes
    ----------
    config : CrossbarConfig
    crossbars : StoredMatrix
        The physical arrays, of layers with one weight matrix; they take the weight from the layer.
    """

    config: CrossbarConfig
    crossbars: StoredMatrix

    def __init__(
        self, *arguments: Any, config: CrossbarConfig | None = None, chip: str = "",
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self._setup(config, chip)

    @classmethod
    def from_digital(cls, layer: nn.Module, config: CrossbarConfig, chip: str = "") -> Self:
        """Return a crossbar layer with the options, hooks and parameters of torch's `layer`.

        The parameters are the same objects, not copies, and so are parametrisations
        (`torch.nn.utils.parametrize`), whose weights the crossbars follow at every pass.

        Raises
        ------
        ParameterError
            The layer cannot be put on crossbars; the message says why.
        """
        new = cls.__new__(cls)
        new.__dict__.update({
            name: value.copy() if isinstance(value, (dict, list, set)) else value
            for name, value in layer.__dict__.items()
        })
        new.__dict__.pop("_compiled_call_impl", None)  # torch's, of the digital layer
        computed = parametrize.is_parametrized(layer)
        if computed:
            _plain(layer, new)
        new._setup(config, chip)  # noqa: SLF001 - its own
        if computed:
            _parametrise(layer, new)
        return new

    def _check(self) -> None:
        """Refuse options and configurations that the layer cannot have; layers extend it."""

    def _setup(self, config: CrossbarConfig | None, chip: str) -> None:
        if config is not None and not isinstance(config, CrossbarConfig):
            raise ParameterError(f"`config` must be a CrossbarConfig; got {type(config).__name__}")
        self.config = config or CrossbarConfig()
        self._check()
        for name, weight, bias, groups in self._matrices():
            own = name.removeprefix("crossbars_")
            setattr(self, name, StoredMatrix(
                self.config, chip if own == name else f"{chip}.{own}",
                weight.shape[:-1].numel() // groups, weight.shape[-1], groups=groups,
                bias=bias is not None,
            ))

    def _matrices(self) -> Iterator[Matrix]:
        """Yield every weight matrix under the name of its crossbars; layers say which."""
        raise NotImplementedError

    def stored_matrices(self) -> Iterator[tuple[StoredMatrix, Tensor, Tensor | None]]:
        """Yield the layer's crossbars, each with the weight (outputs, inputs) and bias it holds."""
        for name, weight, bias, _ in self._matrices():
            yield getattr(self, name), weight, bias

    @staticmethod
    def stage_of(name: str) -> str:
        """Return the stage in which crossbars of that name are read: those of one work at once."""
        del name
        return ""

    def stages(self) -> list[list[StoredMatrix]]:
        """Return the crossbars in the order in which they are read, those side by side together."""
        found: dict[str, list[StoredMatrix]] = {}
        for name, *_ in self._matrices():
            found.setdefault(self.stage_of(name), []).append(getattr(self, name))
        return list(found.values())

    @property
    def input_range(self) -> float | None:
        """Input that stands for the read voltage; None: not calibrated."""
        return self.crossbars.input_range

    @input_range.setter
    def input_range(self, value: float | None) -> None:
        self.crossbars.input_range = value

    def effective_weights(self, solver: Solver | None = None) -> Tensor:
        """Return the weights that the crossbars realise, (outputs, inputs), float64.

        Of the layer's first matrix, where it has several.
        """
        crossbars, weight, bias = next(self.stored_matrices())
        return crossbars.effective(weight, bias, solver=solver)[0]

    def extra_repr(self) -> str:
        """Describe the layer in its network's print-out."""
        own = super().extra_repr()
        tiles = f"tiles={self.config.tile_shape}"
        return f"{own}, {tiles}" if own else tiles


def _plain(layer: nn.Module, new: nn.Module) -> None:
    """Give `new` the values of the parametrised weights of `layer` as parameters."""
    lists: Any = layer.parametrizations
    del new._modules["parametrizations"]  # noqa: SLF001 - a copy of the digital layer's
    training = [part for part in lists.modules() if part.training]
    for part in training:  # some change their state when they are evaluated
        part.training = False
    try:
        with torch.no_grad():
            for name in lists:
                new.register_parameter(name, nn.Parameter(getattr(layer, name).clone()))
    finally:
        for part in training:
            part.training = True


def _parametrise(layer: nn.Module, new: nn.Module) -> None:
    """Let the parametrisations of `layer` compute the weights of `new`.

    Without `register_parametrization`, which would evaluate and change them.
    """
    lists: Any = layer.parametrizations
    for name in lists:
        delattr(new, name)
    parametrize._inject_new_class(new)  # noqa: SLF001
    new.parametrizations = lists
    for name in lists:
        parametrize._inject_property(new, name)  # noqa: SLF001


def as_operator(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether a graph is traced whose weights are fixed: it takes outputs, and no copy of these."""
    return compiled() and not (tracked(weight, bias) or torch.is_autocast_enabled(x.device.type))


def product(
    crossbars: StoredMatrix, x: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Return the crossbars' outputs for x (..., inputs): (..., outputs), bias included."""
    known = prepared_pass(crossbars, x, weight, bias)
    if known is not None:
        return known
    if crossbars.prefers_matrix(math.prod(x.shape[:-1]), weight, bias):
        if as_operator(x, weight, bias):
            crossbars.check_inputs(x)
            return multiplied(crossbars, x, weight, bias)
        weights, offset = effective(crossbars, x, weight, bias)
        prepare(crossbars, x, weight, bias, weights=weights, offset=offset)
        return F.linear(x, weights, offset)
    y: Tensor = crossbars(x.reshape(-1, 1, x.shape[-1]), weight, bias)
    prepare(crossbars, x, weight, bias)
    return y.reshape(*x.shape[:-1], y.shape[-1])


def effective(
    crossbars: StoredMatrix, x: Tensor, weight: Tensor, bias: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """Return the effective weights and bias in the type of `x`."""
    crossbars.check_inputs(x)
    return crossbars.effective_in(x.dtype, weight, bias)
