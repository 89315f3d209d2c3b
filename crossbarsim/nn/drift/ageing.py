"""The same chip at another time, temperature or noise."""

from __future__ import annotations

from dataclasses import fields

from torch import nn

from ...core.errors import ParameterError
from ...core.settings import checks_arguments
from ...nonidealities import NonIdealities
from ..calibrate import stored_names
from ..replace_periphery import replace_settings

__all__ = ["age"]

_DEVICES = ("variability", "faults", "states", "write", "cycle")


@checks_arguments
def age(model: nn.Module, nonidealities: NonIdealities) -> None:
    """Let time pass for the devices of a converted network: the same chip, other ageing and noise.

    Devices, how they were programmed and everything that calibration found stay; conductances
    drift anew from those programmed, with the exponents that every cell has.

    Parameters
    ----------
    model : torch.nn.Module
        A converted network; changed in place.
    nonidealities : NonIdealities
        As those that it has, but for `endurance`, `drift`, `retention`, `disturb`, `conduction`,
        `metal`, `noise`, `iv` and the temperatures.

    Raises
    ------
    ParameterError
        No crossbar layers, other devices, loaded conductances, or what does not fit the
        configuration.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim.nn import CrossbarConfig, age, convert
    >>> from crossbarsim.nonidealities import ConductanceDrift, NonIdealities
    >>> layer = nn.Linear(4, 3, bias=False)
    >>> _ = nn.init.constant_(layer.weight, 0.5)
    >>> chip = convert(nn.Sequential(layer), CrossbarConfig.ideal())
    >>> age(chip, NonIdealities(drift=ConductanceDrift(time=3600.0, nu=0.05)))
    >>> round(chip(torch.ones(1, 4))[0, 0].item(), 2)  # 2 in the beginning
    1.32
    """
    for name, stored in stored_names(model).items():
        before = stored.config.nonidealities or NonIdealities()
        for field in fields(before):
            if field.name in _DEVICES and (
                getattr(before, field.name) != getattr(nonidealities, field.name)
            ):
                raise ParameterError(
                    f"`nonidealities` have another `{field.name}` than {name!r}: those would be "
                    "other devices, or others' writing; convert the network again"
                )
        if stored.chip.measured:
            raise ParameterError(
                f"{name!r} has loaded conductances, which do not age: load those of another time"
            )
    replace_settings(model, nonidealities=nonidealities)
