"""One step in time of recurrent layers, from the products of their matrices."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Product", "step"]

Product = Callable[[Tensor], Tensor]  # (B, inputs) -> (B, outputs), bias included


def step(
    mode: str, gates: Tensor, state: tuple[Tensor, ...], recurrent: Product,
    project: Product | None = None,
) -> tuple[Tensor, ...]:
    """Return the state after one step, as torch's layers compute it.

    Parameters
    ----------
    mode : {"RNN_TANH", "RNN_RELU", "LSTM", "GRU"}
    gates : (B, gates * hidden) tensor
        Product of the input.
    state : (h,) or (h, c), (B, hidden) tensors
    recurrent : function
        Product of h.
    project : function, optional
        Of an LSTM's output.
    """
    if mode == "LSTM":
        return _lstm(gates + recurrent(state[0]), state[1], project)
    if mode == "GRU":
        return (_gru(gates, recurrent(state[0]), state[0]),)
    total = gates + recurrent(state[0])
    return (torch.relu(total) if mode == "RNN_RELU" else torch.tanh(total),)


def _lstm(gates: Tensor, c: Tensor, project: Product | None) -> tuple[Tensor, Tensor]:
    i, f, g, o = gates.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return (h if project is None else project(h)), c


def _gru(gates: Tensor, hidden: Tensor, h: Tensor) -> Tensor:
    (ir, iz, new_i), (hr, hz, new_h) = gates.chunk(3, dim=1), hidden.chunk(3, dim=1)
    r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
    n = torch.tanh(new_i + r * new_h)
    return n + z * (h - n)
