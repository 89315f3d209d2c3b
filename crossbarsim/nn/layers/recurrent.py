"""Recurrent layers on crossbars: every matrix of every layer and direction on its own arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.rnn import RNNBase
from torch.nn.utils.rnn import PackedSequence

from ...core.errors import ParameterError
from ..chip.matrix import StoredMatrix
from .base import CrossbarLayer, Matrix, effective
from .steps import Product, step

__all__ = ["CrossbarGRU", "CrossbarLSTM", "CrossbarRNN"]

_DIGITAL: dict[str, Any] = {
    "RNN_TANH": torch.rnn_tanh, "RNN_RELU": torch.rnn_relu, "LSTM": torch.lstm, "GRU": torch.gru,
}


class _Recurrent(CrossbarLayer, RNNBase):
    """Layers of torch's `RNNBase`, with the crossbars `crossbars_ih_l0`, `crossbars_hh_l0`, ...

    Gates and states are digital. Where effective weights are as good, torch's own loop runs on
    them; otherwise every step of every sequence drives the arrays.
    """

    def _matrices(self) -> Iterator[Matrix]:
        for name in self._flat_weights_names:
            if name.startswith("weight"):
                bias = name.replace("weight", "bias") if self.bias else ""
                yield (
                    name.replace("weight", "crossbars"), getattr(self, name),
                    getattr(self, bias, None) if bias else None, 1,
                )

    @staticmethod
    def stage_of(name: str) -> str:
        """Return the layer: its inputs, states and directions go at once, its projection after."""
        _, kind, layer, *_ = name.split("_")
        return f"{layer} projection" if kind == "hr" else layer

    def forward(self, input: Any, hx: Any = None) -> Any:  # noqa: A002 - torch's name
        """Return the output and the last states, as torch's layer.

        Parameters
        ----------
        input : (T, B, input_size), (B, T, input_size) or (T, input_size) tensor, or PackedSequence
        hx : tensor, or (h, c), optional
            First states, (layers * directions, B, size), without B as the input; default 0.
        """
        if isinstance(input, PackedSequence):
            data, sizes, order, back = input
            hx = self._zeros(data, int(sizes[0])) if hx is None else self.permute_hidden(hx, order)
            self.check_forward_args(data, hx, sizes)
            output, hidden = self._sequences(data, sizes, hx)
            return PackedSequence(output, sizes, order, back), self.permute_hidden(hidden, back)
        if input.ndim not in (2, 3):
            raise ParameterError(
                f"the input must have 2 or 3 axes, or be packed; got shape {tuple(input.shape)}"
            )
        axis = 0 if self.batch_first else 1
        batched = input.ndim == 3
        data = input if batched else input.unsqueeze(axis)
        if data.shape[1 - axis] == 0:
            raise ParameterError("the sequence must have at least one step")
        if hx is None:
            hx = self._zeros(data, data.shape[axis])
        elif not batched:
            hx = self._each(hx, lambda h: h.unsqueeze(1))
        self.check_forward_args(data, hx, None)
        output, hidden = self._sequences(data, None, hx)
        if not batched:
            return output.squeeze(axis), self._each(hidden, lambda h: h.squeeze(1))
        return output, hidden

    # -- states: one tensor, or two of an LSTM -------------------------------------------------

    def _each(self, states: Any, function: Product) -> Any:
        if self.mode == "LSTM":
            return tuple(function(h) for h in states)
        return function(states)

    def _zeros(self, data: Tensor, batch: int) -> Any:
        count = self.num_layers * (2 if self.bidirectional else 1)
        h = data.new_zeros(count, batch, self.proj_size or self.hidden_size)
        return (h, data.new_zeros(count, batch, self.hidden_size)) if self.mode == "LSTM" else h

    # -- sequences -----------------------------------------------------------------------------

    def _sequences(self, data: Tensor, sizes: Tensor | None, hx: Any) -> tuple[Tensor, Any]:
        vectors = math.prod(data.shape[:-1])
        matrices = list(self._matrices())
        wants = [
            getattr(self, name).prefers_matrix(vectors, weight, bias)
            for name, weight, bias, _ in matrices
        ]
        if all(wants):
            return self._digital(data, sizes, hx, matrices)
        products = {
            name: _product(getattr(self, name), data, weight, bias, by_matrix=by_matrix)
            for (name, weight, bias, _), by_matrix in zip(matrices, wants, strict=True)
        }
        with ExitStack() as stack:
            for name, *_ in matrices:
                stack.enter_context(getattr(self, name).held())
            return self._by_steps(data, sizes, hx, products)

    def _digital(
        self, data: Tensor, sizes: Tensor | None, hx: Any, matrices: Sequence[Matrix]
    ) -> tuple[Tensor, Any]:
        flat: dict[str, Tensor] = {}
        for name, weight, bias, _ in matrices:
            weights, offset = effective(getattr(self, name), data, weight, bias)
            flat[name.replace("crossbars", "weight")] = weights
            if offset is not None:
                flat[name.replace("crossbars", "bias")] = offset
        options = (
            [flat[name] for name in self._flat_weights_names], self.bias, self.num_layers,
            self.dropout, self.training, self.bidirectional,
        )
        run = _DIGITAL[self.mode]
        if sizes is None:
            output, *hidden = run(data, hx, *options, self.batch_first)
        else:
            output, *hidden = run(data, sizes, hx, *options)
        return output, tuple(hidden) if self.mode == "LSTM" else hidden[0]

    def _by_steps(
        self, data: Tensor, sizes: Tensor | None, hx: Any, products: dict[str, Product]
    ) -> tuple[Tensor, Any]:
        swap = sizes is None and self.batch_first
        if swap:
            data = data.transpose(0, 1)
        if sizes is None:
            counts = [data.shape[1]] * data.shape[0]
            x = data.reshape(-1, data.shape[-1])
        else:
            counts, x = sizes.tolist(), data
        first = hx if self.mode == "LSTM" else (hx,)
        directions = 2 if self.bidirectional else 1
        last: list[tuple[Tensor, ...]] = []
        for layer in range(self.num_layers):
            found = []
            for backward in range(directions):
                state = tuple(s[layer * directions + backward] for s in first)
                suffix = f"_l{layer}{'_reverse' if backward else ''}"
                y, state = self._direction(x, counts, state, products, suffix)
                found.append(y)
                last.append(state)
            x = torch.cat(found, dim=1)
            if layer < self.num_layers - 1 and self.dropout > 0:
                x = F.dropout(x, self.dropout, self.training)
        hidden = tuple(torch.stack(states) for states in zip(*last, strict=True))
        if sizes is None:
            x = x.reshape(*data.shape[:2], x.shape[1])
        return x.transpose(0, 1) if swap else x, hidden if self.mode == "LSTM" else hidden[0]

    def _direction(
        self, x: Tensor, counts: Sequence[int], state: tuple[Tensor, ...],
        products: dict[str, Product], suffix: str,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run one direction of one layer over rows x, `counts` of them at every time.

        Sequences are sorted by length: of those that have ended, the state stays.
        """
        gates = torch.split(products[f"crossbars_ih{suffix}"](x), list(counts))
        recurrent = products[f"crossbars_hh{suffix}"]
        project = products.get(f"crossbars_hr{suffix}")
        times = range(len(counts))
        outputs: dict[int, Tensor] = {}
        for t in reversed(times) if suffix.endswith("_reverse") else times:
            n = counts[t]
            new = step(self.mode, gates[t], tuple(s[:n] for s in state), recurrent, project)
            outputs[t] = new[0]
            state = tuple(
                torch.cat([a, s[n:]]) if n < len(s) else a for a, s in zip(new, state, strict=True)
            )
        return torch.cat([outputs[t] for t in times]), state


def _product(
    crossbars: StoredMatrix, like: Tensor, weight: Tensor, bias: Tensor | None, *, by_matrix: bool
) -> Product:
    """Return the product of rows (B, inputs) with a matrix as its crossbars have it."""
    if by_matrix:  # once for all steps
        weights, offset = effective(crossbars, like, weight, bias)
        return partial(F.linear, weight=weights, bias=offset)

    def read(x: Tensor) -> Tensor:
        y: Tensor = crossbars(x.unsqueeze(1), weight, bias)
        return y

    return read


class CrossbarRNN(_Recurrent, nn.RNN):
    """An Elman network on crossbars; every option of `torch.nn.RNN`, parameters as there.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarRNN
    >>> layer = CrossbarRNN(3, 5, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.ones(7, 1, 3))[0].shape)
    (7, 1, 5)
    """


class CrossbarLSTM(_Recurrent, nn.LSTM):
    """A long short-term memory on crossbars; every option of `torch.nn.LSTM`, also `proj_size`.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarLSTM
    >>> layer = CrossbarLSTM(3, 5, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.ones(7, 1, 3))[0].shape)
    (7, 1, 5)
    """


class CrossbarGRU(_Recurrent, nn.GRU):
    """A gated recurrent unit on crossbars; every option of `torch.nn.GRU`, parameters as there.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarGRU
    >>> layer = CrossbarGRU(3, 5, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.ones(7, 1, 3))[0].shape)
    (7, 1, 5)
    """
