"""Single steps of recurrent layers on crossbars."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.rnn import RNNCellBase

from ...core.errors import ParameterError
from ..chip.matrix import StoredMatrix
from .base import CrossbarLayer, Matrix, product
from .steps import step

__all__ = ["CrossbarGRUCell", "CrossbarLSTMCell", "CrossbarRNNCell"]


class _Cell(CrossbarLayer, RNNCellBase):
    """Cells of torch, with the crossbars `crossbars_ih` and `crossbars_hh`."""

    crossbars_ih: StoredMatrix
    crossbars_hh: StoredMatrix

    def _matrices(self) -> Iterator[Matrix]:
        yield "crossbars_ih", self.weight_ih, self.bias_ih, 1
        yield "crossbars_hh", self.weight_hh, self.bias_hh, 1

    def _mode(self) -> str:
        raise NotImplementedError

    def forward(self, input: Tensor, hx: Any = None) -> Any:  # noqa: A002 - torch's name
        """Return the next state.

        Parameters
        ----------
        input : (B, input_size) or (input_size,) tensor
        hx : (B, hidden_size) or (hidden_size,) tensor, two of an LSTM; optional
            Default 0.
        """
        mode = self._mode()
        states = (hx if mode == "LSTM" else (hx,)) if hx is not None else ()
        x = input if input.ndim == 2 else input.unsqueeze(0)
        if input.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ParameterError(
                f"the input must have shape (B, {self.input_size}) or ({self.input_size},); got "
                f"{tuple(input.shape)}"
            )
        shape = (x.shape[0], self.hidden_size)
        if not states:
            states = (x.new_zeros(shape),) * (2 if mode == "LSTM" else 1)
        rows = tuple(h if h.ndim == 2 else h.unsqueeze(0) for h in states)
        for h, given in zip(rows, states, strict=True):
            if tuple(h.shape) != shape or (hx is not None and given.ndim != input.ndim):
                raise ParameterError(
                    f"the state must have shape {shape[2 - input.ndim:]}; got {tuple(given.shape)}"
                )
        gates = product(self.crossbars_ih, x, self.weight_ih, self.bias_ih)
        recurrent = partial(
            product, self.crossbars_hh, weight=self.weight_hh, bias=self.bias_hh
        )
        new = step(mode, gates, rows, recurrent)
        if input.ndim == 1:
            new = tuple(h.squeeze(0) for h in new)
        return new if mode == "LSTM" else new[0]


class CrossbarRNNCell(_Cell, nn.RNNCell):
    """A step of an Elman network on crossbars; parameters as in `torch.nn.RNNCell`.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarRNNCell
    >>> layer = CrossbarRNNCell(3, 5, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.ones(2, 3)).shape)
    (2, 5)
    """

    def _mode(self) -> str:
        return f"RNN_{self.nonlinearity.upper()}"


class CrossbarLSTMCell(_Cell, nn.LSTMCell):
    """A step of a long short-term memory on crossbars; parameters as in `torch.nn.LSTMCell`.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarLSTMCell
    >>> layer = CrossbarLSTMCell(3, 5, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.ones(2, 3))[0].shape)
    (2, 5)
    """

    def _mode(self) -> str:
        return "LSTM"


class CrossbarGRUCell(_Cell, nn.GRUCell):
    """A step of a gated recurrent unit on crossbars; parameters as in `torch.nn.GRUCell`.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarGRUCell
    >>> layer = CrossbarGRUCell(3, 5, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.ones(2, 3)).shape)
    (2, 5)
    """

    def _mode(self) -> str:
        return "GRU"
