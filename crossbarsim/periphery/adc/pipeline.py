"""Pipeline: every stage finds a bit and a half and hands on twice the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.draws import Place
from ...core.validation import Array, number
from ..grid import Grid
from .adc import ADC, Transitions

__all__ = ["PipelineADC"]


@dataclass(frozen=True, kw_only=True)
class PipelineADC(ADC):
    """A pipeline of ``bits - 1`` stages of 1.5 bits and a comparator.

    A stage compares with plus and minus a quarter of full scale, takes d = -1, 0 or 1, and hands
    on ``((1 + c) v - c d) / (1 + 1 / (gain beta))``, c = C2 / C1 the ratio of its capacitors and
    beta = C1 / (C1 + C2), nominally ``2 v - d``. The redundant half bit takes out comparators'
    offsets below a quarter of full scale; errors of a stage's gain make steps at its thresholds:
    wide or missing codes, and places where the output falls.

    Parameters
    ----------
    bits, full_scale, percentile, signed, inl, dnl, offset, gain_error, noise, noise_unit, columns
        As of `ADC`.
    capacitor_sigma : float
        Relative standard deviation of every stage's two capacitors, 0 to 0.1; default 0.
    amplifier_gain : float
        Open-loop gain of the stages' amplifiers, > 1; default infinite. A finite one takes
        ``2 / gain`` off every stage's gain of 2.
    comparator_sigma : float
        Standard deviation of the comparators' offsets, of full scale, 0 to 0.2; default 0.

    Raises
    ------
    ParameterError
        A value out of its range.

    Notes
    -----
    S. H. Lewis et al., IEEE JSSC 27:351 (1992); the same circuit is in M. Spear et al., IEEE
    JXCDC 9:176 (2023), and CrossSim's `PipelineADC`. A share e that the first stage hands on too
    little makes steps of ``e 2^bits / 4`` LSB at its two thresholds, where what it hands on jumps
    from half of full scale to minus half.

    Examples
    --------
    >>> from crossbarsim.nonidealities import Place
    >>> from crossbarsim.periphery import PipelineADC
    >>> adc = PipelineADC(bits=8, comparator_sigma=0.03)
    >>> ideal = adc.transfer(adc.fabricate(Place(7), 1, signed=False), signed=False)
    >>> bool(abs(ideal.inl).max() < 1e-9)  # an offset is left, the last comparator's
    True
    >>> adc = PipelineADC(bits=8, amplifier_gain=100.0)
    >>> curve = adc.transfer(adc.fabricate(Place(7), 1, signed=False), signed=False)
    >>> f"{abs(curve.dnl).max():.2f} LSB"
    '0.54 LSB'
    """

    capacitor_sigma: float = 0.0
    amplifier_gain: float = math.inf
    comparator_sigma: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        number("capacitor_sigma", self.capacitor_sigma, low=0.0, high=0.1)
        number("comparator_sigma", self.comparator_sigma, low=0.0, high=0.2)
        if self.amplifier_gain != math.inf:
            number("amplifier_gain", self.amplifier_gain, low=1.0, open_low=True)

    def transitions(self, place: Place, adcs: int, grid: Grid) -> Transitions | None:
        """Draw the transitions between codes; see `ADC.transitions`."""
        errors = self.capacitor_sigma or self.comparator_sigma
        if not errors and self.amplifier_gain == math.inf:
            return None
        positions, codes = _joined(*self._pieces(place, adcs), adcs)
        half = 2.0 ** (self.bits - 1)
        # of two's complement the most negative code stays unused
        unused = 2**self.bits - grid.codes
        found = (positions + 1.0) * half - 0.5 - unused
        return found, np.clip(codes - unused, 0, grid.codes - 1)

    def _pieces(self, place: Place, adcs: int) -> tuple[Any, Array, Any]:
        """Return converter, beginning and code of every piece of the transfer curves.

        Signals run from -1 to 1. Every stage cuts the pieces at its thresholds; in a piece what it
        hands on is a straight line of the signal.
        """
        stages = self.bits - 1
        random = place.generator("adc pipeline").standard_normal((adcs, stages + 1, 4))
        first, second = (1.0 + self.capacitor_sigma * random[:, :stages, k] for k in (0, 1))
        ratio, beta = second / first, first / (first + second)
        loss = 1.0 + 1.0 / (self.amplifier_gain * beta)
        offsets = self.comparator_sigma * random[:, :, 2:]

        edge = 1.0 + 4.0 / 2.0**self.bits
        adc, code = np.arange(adcs), np.zeros(adcs, np.int64)
        low, high = np.full(adcs, -edge), np.full(adcs, edge)
        slope, shift = np.ones(adcs), np.zeros(adcs)
        for k in range(stages + 1):
            if k < stages:
                cuts = [-0.25 + offsets[:, k, 1], 0.25 + offsets[:, k, 0]]
                value = 2 ** (stages - 1 - k)
            else:
                cuts, value = [offsets[:, k, 0]], 1
            # ends of the pieces: of a comparator that is passed late the next counts no more
            ends = np.stack([
                low, *(np.clip((cut[adc] - shift) / slope, low, high) for cut in cuts), high
            ])
            ends = np.maximum.accumulate(ends)
            parts = []
            for d in range(len(ends) - 1):
                kept = ends[d + 1] > ends[d]
                mine = adc[kept]
                line = slope[kept], shift[kept]
                if k < stages:
                    factor = (1.0 + ratio[mine, k]) / loss[mine, k]
                    step = (d - 1) * ratio[mine, k] / loss[mine, k]
                    line = line[0] * factor, line[1] * factor - step
                parts.append((
                    mine, ends[d][kept], ends[d + 1][kept], *line, code[kept] + d * value
                ))
            adc, low, high, slope, shift, code = (
                np.concatenate(column) for column in zip(*parts, strict=True)
            )
        order = np.lexsort((low, adc))
        return adc[order], low[order], code[order]


def _joined(adc: Any, low: Array, code: Any, adcs: int) -> tuple[Array, Any]:
    """Return transitions (adcs, T) and the codes around them (adcs, T + 1); neighbours joined."""
    new = np.ones(len(adc), bool)
    new[1:] = (adc[1:] != adc[:-1]) | (code[1:] != code[:-1])
    adc, low, code = adc[new], low[new], code[new]
    counts = np.bincount(adc, minlength=adcs)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    where = np.arange(len(adc)) - starts[adc]
    positions = np.full((adcs, counts.max()), np.inf)
    codes = np.repeat(code[starts + counts - 1][:, None], counts.max(), axis=1)
    positions[adc, where], codes[adc, where] = low, code
    return positions[:, 1:], codes
