"""Published chips: what was measured of their devices, and the arrays that they lie in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..core.errors import ParameterError
from ..core.settings import closest
from ..core.validation import number
from .ageing.drift import ConductanceDrift, LogarithmicDrift
from .ageing.measured import MeasuredDrift
from .noise.flicker import FlickerNoise, StateNoise
from .noise.noise import ReadNoise
from .variability.dependence import Logarithm, Piecewise, Polynomial, Saturation
from .writing.write_errors import WriteNoise

__all__ = ["CHIPS", "PublishedChip", "published_chip"]

_DAY = 86400.0


@dataclass(frozen=True)
class PublishedChip:
    """A technology or a chip of the literature.

    Attributes
    ----------
    source : str
        What was measured, who published it, whose fit the numbers are, and which of them could not
        be checked.
    effects : callable
        ``effects(time, g_max)``: fields of `NonIdealities` at `time` second after programming, for
        states up to g_max siemens.
    times : (float, float)
        Second: the first, which is the default, and the last that was measured; infinite: a law of
        time.
    array : mapping
        Fields of a network's `CrossbarConfig` as published: always g_on and g_off.
    """

    source: str
    effects: Callable[[float, float], dict[str, Any]]
    times: tuple[float, float]
    array: Mapping[str, Any]

    def at(self, time: float | None, g_max: float | None) -> dict[str, Any]:
        """Return the fields of `NonIdealities` at a time; None: the first, and published siemens.

        Raises
        ------
        ParameterError
            A time before or after all measurements, or g_max <= 0.
        """
        first, last = self.times
        when = first if time is None else number("time", time, low=0.0, unit="second")
        if not first <= when <= last:
            until = "on" if last == math.inf else f"to {last:g} s"
            raise ParameterError(
                f"`time` = {when:g} s is not covered: the measurements are from {first:g} s {until}"
            )
        largest = self.array["g_on"] if g_max is None else number(
            "g_max", g_max, low=0.0, open_low=True, unit="siemens")
        return self.effects(when, float(largest))


def _nandakumar(time: float, g_max: float) -> dict[str, Any]:
    name = "pcm_nandakumar_2019"
    return {
        "write": WriteNoise.preset(name, g_max=g_max),
        "drift": ConductanceDrift.preset(name, time, g_max=g_max),
        "noise": ReadNoise(flicker=FlickerNoise.phase_change(g_max, time)),
    }


def _hermes(time: float, g_max: float) -> dict[str, Any]:
    name, t_read = "pcm_hermes_2023", 512e-9
    grown = math.sqrt(math.log((time + t_read) / (2.0 * t_read)))  # 1/f, since programming
    noise = Piecewise(
        0.16, Logarithm(-0.0069 * grown, -0.0117 * grown, 0.015 * grown, 0.04 * grown),
        Polynomial(tuple(c * grown for c in (0.0123, 0.0211, -0.028, 0.0069))),
    )
    return {
        "write": WriteNoise.preset(name, g_max=g_max),
        "drift": ConductanceDrift.preset(name, time, g_max=g_max),
        "noise": ReadNoise(flicker=StateNoise(noise, g_max=g_max)),
    }


def _neurram(time: float, g_max: float) -> dict[str, Any]:
    return {"drift": MeasuredDrift.preset("reram_wan_2022", time, g_max=g_max)}


def _cmo(time: float, g_max: float) -> dict[str, Any]:
    return {"drift": LogarithmicDrift.preset("cmo_hfox", time, g_max=g_max)}


def _milo(time: float, g_max: float) -> dict[str, Any]:
    del time
    return {"write": WriteNoise.preset("hfo2_milo_2021", g_max=g_max)}


def _sonos(time: float, g_max: float) -> dict[str, Any]:
    largest = 1600.0  # nA
    noise = Saturation(12.58037 / largest, 215.36557 / largest)
    return {
        "drift": MeasuredDrift.preset("sonos_agrawal_2022", time, g_max=g_max),
        "noise": ReadNoise(flicker=StateNoise(noise, of="maximum", g_max=g_max)),
    }


CHIPS: Mapping[str, PublishedChip] = MappingProxyType({
    "pcm_nandakumar_2019": PublishedChip(
        "A million doped-GST phase-change cells in 90 nm: S. R. Nandakumar et al., ICECS 2019, and "
        "V. Joshi et al., Nat. Commun. 11:2473 (2020); coefficients of IBM's aihwkit "
        "(PCMLikeNoiseModel)",
        _nandakumar, (20.0, math.inf), {"g_on": 25e-6, "g_off": 0.0},
    ),
    "pcm_hermes_2023": PublishedChip(
        "Unit cells of two phase-change devices per sign in 14 nm, cores of 256 x 256: M. Le Gallo "
        "et al., Nat. Electron. 6:680 (2023), R. Khaddam-Aljameh et al., IEEE JSSC 57:1027 (2022); "
        "coefficients of IBM's aihwkit (HermesNoiseModel, two devices)",
        _hermes, (300.0, math.inf),
        {"g_on": 20.7e-6, "g_off": 0.0, "tile_shape": (256, 256)},
    ),
    "reram_neurram_2022": PublishedChip(
        "HfOx 1T1R cells in 130 nm, cores of 256 x 256, pairs of cells on adjacent rows of one "
        "column driven with opposite voltages: W. Wan et al., Nature 608:504 (2022); coefficients "
        "of IBM's aihwkit (ReRamWan2022NoiseModel), whose spread at 1 s is 0.2 to 0.6 uS below "
        "that of CrossSim's fit (RRAMWan). Not checked against the paper: the smallest state, "
        "1 uS, and the read voltage, 0.5 V",
        _neurram, (1.0, 2.0 * _DAY),
        {"g_on": 40e-6, "g_off": 1e-6, "tile_shape": (256, 256), "pairing": "opposed",
         "read_voltage": 0.5},
    ),
    "reram_cmo_falcone_2025": PublishedChip(
        "CMO/HfOx cells of IBM Research Zurich: D. F. Falcone et al., Adv. Funct. Mater. (2025); "
        "coefficients of IBM's aihwkit (ReRamCMONoiseModel), without its read noise; states from "
        "9 to 88.2 uS as its converter has them, of 8 to 90 uS that its manual tells of",
        _cmo, (1.0, math.inf), {"g_on": 88.2e-6, "g_off": 9e-6},
    ),
    "reram_milo_2021": PublishedChip(
        "HfO2 1T1R cells of a 4-kbit array, written by IGVVA-100: V. Milo et al., IRPS 2021; "
        "coefficients of CrossSim (RRAMMilo)",
        _milo, (0.0, 0.0), {"g_on": 225e-6, "g_off": 50e-6},
    ),
    "sonos_agrawal_2022": PublishedChip(
        "128 thousand SONOS cells in 40 nm, subthreshold, at 0 to 5 days and in noise: V. Agrawal "
        "et al., IEDM 2022; arrays of 1152 x 256, 8-bit weights: T. P. Xiao et al., IEEE TCAS-I "
        "69:1480 (2022); coefficients of CrossSim (SONOS, SONOS-TCAS), which suggests states up to "
        "16 uS, 1600 nA at 0.1 V, for these cells; those of the arrays go up to 1 / 35 kohm",
        _sonos, (0.0, 5.0 * _DAY),
        {"g_on": 16e-6, "g_off": 1.6e-12, "tile_shape": (1152, 256), "bits": 8,
         "bits_per_cell": 7, "read_voltage": 0.1},
    ),
})


def published_chip(name: str) -> PublishedChip:
    """Return a published chip by its name.

    Raises
    ------
    ParameterError
        There is none of that name.
    """
    if name not in CHIPS:
        raise ParameterError(f"`name`: there is no preset {name!r}{closest(str(name), CHIPS)}")
    return CHIPS[name]
