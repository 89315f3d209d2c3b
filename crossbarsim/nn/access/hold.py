"""Program a network once, one layer after the other, and keep what reads it."""

from __future__ import annotations

import torch
from torch import nn

from ...core.errors import ParameterError
from ...core.settings import checks_arguments
from ..layers import CrossbarLayer

__all__ = ["hold", "release"]


@checks_arguments
@torch.no_grad()
def hold(network: nn.Module) -> None:
    """Reduce all arrays now, and look at the weights no longer in every pass.

    Without it, every pass without a gradient compares all weights with those that the arrays were
    programmed with, so that no change goes unnoticed, and keeps a copy of them for that. In a
    network that is held, changes are told by torch's own count of them (``Tensor._version``) and
    by about a thousand values of every matrix: optimisers, ``load_state_dict``, `torch.nn.init`,
    whatever writes in place or puts another tensor in a parameter's place is noticed, and the
    arrays are programmed anew, as before. Single weights that are written past torch, through
    ``.data`` or a NumPy view, may not be: `hold` the network again after that.

    Layers are reduced one after the other, so that the memory needed beside the result is that of
    a few tiles. Layers with converters, noise or curved cells are programmed at their first pass.
    Passes that follow a gradient in the weights are as they were; weights that are computed anew in
    every pass (`torch.nn.utils.parametrize`) go on being compared.

    Parameters
    ----------
    network : torch.nn.Module
        A converted network; changed in place.

    Raises
    ------
    ParameterError
        No crossbar layers.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim.nn import CrossbarConfig, convert, hold
    >>> chip = convert(nn.Sequential(nn.Linear(8, 4)), CrossbarConfig())
    >>> hold(chip)
    >>> with torch.no_grad():
    ...     before = chip(torch.ones(1, 8))
    ...     _ = chip[0].weight.mul_(2.0)  # noticed
    ...     torch.equal(chip(torch.ones(1, 8)), before)
    False
    """
    for layer in _layers(network):
        pairs = zip(list(layer.stored_matrices()), layer.stored_matrices(), strict=True)
        for (crossbars, weight, bias), (_, again, _) in pairs:
            crossbars.cache.clear()
            # weights that are computed anew for every pass, as parametrised ones, are compared
            crossbars.cache.trusting = again.data_ptr() == weight.data_ptr()
            if layer.config.exact_reads and layer.config.path != "vectors":
                crossbars.whole(weight, bias)


@checks_arguments
def release(network: nn.Module) -> None:
    """Compare all weights in every pass again: the opposite of `hold`.

    Parameters
    ----------
    network : torch.nn.Module
        A converted network; changed in place.

    Raises
    ------
    ParameterError
        No crossbar layers.
    """
    for layer in _layers(network):
        for crossbars, _, _ in layer.stored_matrices():
            crossbars.cache.clear()
            crossbars.cache.trusting = False


def _layers(network: nn.Module) -> list[CrossbarLayer]:
    found = [m for m in network.modules() if isinstance(m, CrossbarLayer)]
    if not found:
        raise ParameterError("`network` has no crossbar layers: convert it first")
    return found
