"""Ranges of a network's inputs, from data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ..netlists.errors import ParameterError
from .layers import CrossbarLayer

__all__ = ["calibrate"]


@torch.no_grad()
def calibrate(model: nn.Module, loader: Iterable[Any]) -> dict[str, float]:
    """Set every crossbar layer's input range to the largest magnitude that `loader` brings.

    Parameters
    ----------
    model : torch.nn.Module
        A converted network.
    loader : iterable
        Input tensors, or tuples that start with one.

    Returns
    -------
    dict
        Layer name -> input range.
    """
    layers = {n: m for n, m in model.named_modules() if isinstance(m, CrossbarLayer)}
    if not layers:
        raise ParameterError("the model has no crossbar layers: convert it first")
    largest = dict.fromkeys(layers, 0.0)

    def watch(name: str) -> Any:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            largest[name] = max(largest[name], float(inputs[0].abs().max()))

        return hook

    handles = [m.register_forward_pre_hook(watch(n)) for n, m in layers.items()]
    try:
        for batch in loader:
            model(batch[0] if isinstance(batch, (tuple, list)) else batch)
    finally:
        for handle in handles:
            handle.remove()
    for name, layer in layers.items():
        if largest[name] <= 0:
            raise ParameterError(f"the loader brought layer {name!r} no input other than 0")
        layer.input_range = largest[name]
    return largest
