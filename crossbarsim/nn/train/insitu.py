"""The linear layer trained in place, and updates of whole networks."""

from __future__ import annotations

from torch import Tensor, nn

from ...core.errors import ParameterError
from ...core.settings import checks_arguments
from .layer import InSituLayer, UpdateRecord, checked_count
from .rules import UpdateRule
from .settings import InSituConfig
from .transfer import TransferRule

__all__ = ["InSituLinear", "in_situ_update"]


class InSituLinear(InSituLayer):
    """A linear layer whose weights are the states of memristive devices, two per weight.

    Forward, inputs are voltages on the word lines of two arrays, and the output is the difference
    of their currents, solved with all wires. Backward, errors reach the inputs by the transposed
    read (the same arrays driven from their sense ends), which by reciprocity is the exact
    gradient. The layer has no parameters: `in_situ_update` turns gradients into pulses, and the
    devices' own laws, or a table of what pulses did to real ones, say what these do.

    Parameters
    ----------
    in_features, out_features : int
    config : InSituConfig
    bias : bool
        One more word line, driven at the read voltage.
    name : str
        Of the layer, so that several of one seed have different devices.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.devices import Yakopcic
    >>> from crossbarsim.nn.train import InSituConfig, InSituLinear, Manhattan, in_situ_update
    >>> layer = InSituLinear(3, 1, InSituConfig(device=Yakopcic.preset("aguirre_c2")))
    >>> x, target = torch.eye(3), torch.tensor([[0.1], [0.0], [-0.1]])
    >>> def loss():
    ...     return (layer(x) - target).square().mean()
    >>> first = loss()
    >>> first.backward()
    >>> in_situ_update(layer, Manhattan())
    UpdateRecord(pulses=8, devices=8, most=1)
    >>> bool(loss() < first)
    True
    """

    @checks_arguments
    def __init__(
        self, in_features: int, out_features: int, config: InSituConfig, *, bias: bool = True,
        name: str = "",
    ) -> None:
        super().__init__()
        checked_count(in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self._setup(in_features, out_features, config, bias=bias, name=name)

    @property
    def weight(self) -> Tensor:
        """Weights without wires, (out_features, in_features), float64."""
        return self._weights()[: self.in_features].mT

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs, (..., out_features), of inputs (..., in_features).

        Raises
        ------
        ParameterError
            Inputs of the wrong size, or larger than the configuration's `largest_input`.
        """
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise ParameterError(
                f"the input's last axis must be {self.in_features}; got shape {tuple(x.shape)}"
            )
        y = self._product(x.reshape(-1, self.in_features))
        return y.to(x.dtype).reshape(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """Describe the layer in its network's print-out."""
        return f"{self.in_features}, {self.out_features}, {self.config.device!r:.40}"


@checks_arguments
def in_situ_update(model: nn.Module, rule: UpdateRule | TransferRule) -> UpdateRecord:
    """Give the devices of all layers trained in place their pulses, after a backward pass.

    Parameters
    ----------
    model : torch.nn.Module
    rule : UpdateRule or TransferRule
        `Manhattan`, `GradientPulses`, `StochasticPulses`, `MixedPrecision`; `TikiTaka`,
        `TikiTakaV2`.

    Raises
    ------
    ParameterError
        No such layer, or one without gradient.
    """
    layers = [m for m in model.modules() if isinstance(m, InSituLayer)]
    if not layers:
        raise ParameterError("the model has no layer trained in place, such as InSituLinear")
    for layer in layers:
        layer.sample()  # before any device moves
    records = [layer.update(rule) for layer in layers]
    return UpdateRecord(
        sum(r.pulses for r in records), sum(r.devices for r in records),
        max(r.most for r in records),
    )
