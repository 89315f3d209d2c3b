"""Other converters and other wires around the same chip."""

from __future__ import annotations

from typing import Any

from torch import nn

from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from ..netlists.crossbar.crossbar import Wires
from ..periphery import Periphery
from .calibrate import stored_names
from .layers import CrossbarLayer

__all__ = ["equip", "replace_settings", "rewire"]


@checks_arguments
def equip(model: nn.Module, periphery: Periphery | None) -> None:
    """Put other converters and amplifiers around all arrays of a converted network.

    Devices, programmed conductances and everything that calibration found stay. Arrays are solved
    again only where amplifiers or drivers, which are part of the circuit, change; a sweep of the
    ADCs' resolution solves every array once.

    Parameters
    ----------
    model : torch.nn.Module
        A converted network; changed in place.
    periphery : Periphery or None
        None: ideal.

    Raises
    ------
    ParameterError
        No crossbar layers; parts that do not fit the configuration.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim.nn import CrossbarConfig, calibrate, convert, equip
    >>> from crossbarsim.periphery import ADC, Periphery
    >>> config = CrossbarConfig(periphery=Periphery(adc=ADC(bits=8)))
    >>> x = torch.linspace(-1, 1, 40).reshape(10, 4)
    >>> chip = convert(nn.Sequential(nn.Linear(4, 3)), config)
    >>> _ = calibrate(chip, [x])
    >>> for bits in (8, 4, 2):
    ...     equip(chip, Periphery(adc=ADC(bits=bits)))
    ...     y = chip(x)
    """
    if periphery is not None and not isinstance(periphery, Periphery):
        raise ParameterError(f"`periphery` must be Periphery(...) or None; got {periphery!r:.60}")
    replace_settings(model, periphery=periphery)


@checks_arguments
def rewire(model: nn.Module, wires: Wires) -> None:
    """Put other wires between the same devices of a converted network.

    Devices, programmed conductances and everything that calibration found stay; the arrays are
    solved again.

    Parameters
    ----------
    model : torch.nn.Module
        A converted network; changed in place.
    wires : Wires
        Scalars.

    Raises
    ------
    ParameterError
        No crossbar layers; wires that do not fit the configuration.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim import Wires
    >>> from crossbarsim.nn import CrossbarConfig, convert, rewire
    >>> layer = nn.Linear(4, 3, bias=False)
    >>> _ = nn.init.constant_(layer.weight, 0.5)
    >>> chip = convert(nn.Sequential(layer), CrossbarConfig(r_on_sigma=0.1))
    >>> before = chip(torch.ones(1, 4))
    >>> rewire(chip, Wires(word=20.0, bit=20.0))
    >>> bool((chip(torch.ones(1, 4)).abs() < before.abs()).all())
    True
    """
    if not isinstance(wires, Wires):
        raise ParameterError(f"`wires` must be Wires(...); got {wires!r:.60}")
    replace_settings(model, wires=wires)


def replace_settings(model: nn.Module, **changes: Any) -> None:
    """Change the configuration of all stored matrices and their layers, or of none."""
    matrices = stored_names(model).values()
    for stored in matrices:  # all are checked before the first is changed
        stored.config.replace(**changes)
    for stored in matrices:
        stored.equip(**changes)
    for module in model.modules():
        if isinstance(module, CrossbarLayer):
            module.config = module.config.replace(**changes)
