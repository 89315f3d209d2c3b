"""How a network is put on crossbars: one frozen, validated record."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from numbers import Integral
from typing import Any, Literal, get_args

from ..core.errors import ParameterError
from ..core.settings import Settings, checks_arguments
from ..core.validation import choice, count
from ..netlists.crossbar.crossbar import Wires
from ..netlists.crossbar.ends import Driven, Ends, Floating, Grounded
from ..nonidealities import NonIdealities
from ..nonidealities.published import published_chip
from ..periphery import ENCODINGS, Periphery
from ..periphery.encodings import check_dac
from ..solvers import Solver
from .mapping import Layout
from .wiring import Wiring

__all__ = ["CrossbarConfig"]

Scheme = Literal["differential", "offset", "single"]
Pairing = Literal["arrays", "interleaved", "opposed"]
Scaling = Literal["layer", "column"]
Bias = Literal["digital", "chip"]
Path = Literal["auto", "matrix", "vectors", "born", "surrogate"]
Slicing = Literal["columns", "arrays"]
Fill = Literal["equal", "spread"]
Reorder = Literal["none", "rows", "columns", "both"]
Grouping = Literal["packed", "separate"]
Tiling = Literal["full", "even"]
Precision = Literal["float32", "float64"]
Encoding = Literal[
    "bipolar", "two-phase", "offset", "pulse-width", "pulse-width-two-phase", "bit-serial",
    "bit-serial-magnitude",
]
_CHOICES: dict[str, tuple[str, ...]] = {
    "scheme": get_args(Scheme),
    "pairing": get_args(Pairing),
    "scaling": get_args(Scaling),
    "bias": get_args(Bias),
    "path": get_args(Path),
    "slicing": get_args(Slicing),
    "cell_fill": get_args(Fill),
    "reorder": get_args(Reorder),
    "grouping": get_args(Grouping),
    "tiling": get_args(Tiling),
    "precision": get_args(Precision),
    "input_encoding": ENCODINGS,
}


@dataclass(frozen=True, kw_only=True)
class CrossbarConfig(Settings):
    """Settings of a network on crossbars.

    Parameters
    ----------
    tile_shape : (int, int)
        Word lines and bit lines of a physical array, default (128, 128). Arrays at the edge of a
        weight matrix are as small as they need to be.
    wires : Wires
        One resistance per segment, ohm; default 1 ohm for word and bit lines. Scalars only.
    g_on, g_off : float
        Siemens, the conductances of the largest and of zero weight magnitude; defaults 100 uS
        and 1 uS.
    scheme : {"differential", "offset", "single"}
        "differential": w = (G+ - G-) s, one of the two at g_off. "offset": one cell per weight
        around the middle conductance, less the current of a reference column of such cells in
        every array. "single": the same without reference column; the middle conductance times
        the sum of the inputs is taken off digitally.
    pairing : {"arrays", "interleaved", "opposed"}
        Where the differential pair's cells lie: in two arrays; in neighbouring columns of one
        array, which then carries half as many outputs; or "opposed", on one column of one array,
        in two rows driven with opposite voltages, so that their currents cancel before they run
        along the bit line and only the difference is converted; the array then takes half as many
        inputs, and a DAC drives the two rows of its input, one of them inverted. As in the
        inference engine of SONOS memory of T. P. Xiao et al., IEEE TCAS-I 69:1480 (2022), and
        CrossSim's interleaved arrays. Each is solved as the physical array that it is.
    bits : int, optional
        Of a weight, sign included, 2 to 24: weights are rounded to the ``2**bits - 1`` multiples
        of ``s / (2**(bits - 1) - 1)``, straight-through in training. None: levels are continuous.
    bits_per_cell : int
        With `bits`: a weight lies on several cells as digits in base ``2**bits_per_cell`` (of its
        magnitude in a differential pair, of offset binary otherwise), weighed digitally after
        read-out as in ISAAC (Shafiee et al., ISCA 2016); default 1, at most 8.
    slicing : {"columns", "arrays"}
        Whether a weight's digits are neighbouring columns of one array, or every digit has its
        own array.
    cells_per_weight : int
        Cells in parallel for every weight, or every digit of it, in neighbouring columns whose
        amplifiers' outputs add up before they are converted; default 1.
    cell_fill : {"equal", "spread"}
        Parallel cells all at the same level, or one after the other filled.
    scaling : {"layer", "column"}
        Largest weight magnitude, for the scale s, over the layer or for every output.
    clip_percentile : float
        Of the non-zero weight magnitudes: s is this percentile, default 100 (the largest), and
        larger weights are cut to it.
    reorder : {"none", "rows", "columns", "both"}
        Give inputs (rows) and outputs (columns) with large weights the lines next to the sense
        node and the driver, which lessens the IR drop; undone at the outputs.
    grouping : {"packed", "separate"}
        Whether groups of a convolution that leave room on an array share it, as blocks along its
        diagonal: as many as fit and divide the groups. All lines of an array are driven and read
        together; the cells around the blocks hold the weight 0, and what they and the wires let
        through from one group to another is in every exact solution. Or every group has arrays of
        its own.
    tiling : {"full", "even"}
        How a matrix is cut into tiles. "full": arrays are filled one after the other, and the last
        takes what is left, 784 lines on six arrays of 128 and one of 16. "even": all get as many
        lines and outputs, seven of 112, which costs no array more and lessens the IR drop.
    precision : {"float32", "float64"}
        Of the effective matrices that are kept; default "float64".
    read_voltage : float
        Volt on a word line for an input of `input_range`; default 0.2 V.
    input_encoding : str
        How inputs become voltages in time, one of `crossbarsim.periphery.ENCODINGS`; default
        "bipolar", positive and negative voltages.
    input_range : float, optional
        Input that stands for `read_voltage`. With linear cells and neither converters nor noise
        it changes no result, and None takes 1; otherwise None means that `calibrate` finds it.
        Inputs beyond it saturate. It never follows the inputs of a batch.
    signed_inputs : bool, optional
        False where inputs are never negative, as after a ReLU, which saves phases and a sign
        bit; None: as `calibrate` finds them, signed before.
    bias : {"digital", "chip"}
        Added after read-out, or stored in one more word line driven at `read_voltage`.
    path : {"auto", "matrix", "vectors", "born", "surrogate"}
        Solve every input vector, or reduce every array to its effective matrix once and multiply;
        both exact for linear cells. "auto" solves vectors until, by counted work, reducing would
        have been cheaper, and uses the matrices while they are valid. Cells that are not linear
        have no "matrix": every vector is solved, unless "born" takes the currents to first order
        in the cells' bend, or "surrogate" one linearisation of every array (`report` says how far
        they are off). "born" keeps 4 M N (M + N) bytes per array of M x N, 17 MB at 128x128, and
        solves arrays where it is off by more than 0.01.
    ends : Ends, optional
        What the lines' ends are tied to; default: driven left, sensed at the bottom. All lines of
        an end alike; fixed voltages other than 0 do not fit a linear layer. The sense amplifiers
        of `periphery` take the place of an ideal virtual ground.
    nonidealities : NonIdealities, optional
        What devices, wires and reads do that they should not; None: nothing.
    periphery : Periphery, optional
        Converters and amplifiers; None: ideal.
    r_on_sigma, r_off_sigma : float
        Relative standard deviations of every cell's R_on = 1/g_on and R_off = 1/g_off, normal,
        cut at 4 sigma and before they reach 0, and R_off at R_on; default 0. For other variations,
        and for cells that are drawn again where R_off meets R_on, use `nonidealities`.
    seed : int
        Of the device variation: the same seed is the same chip.
    backend : {"cpu", "gpu", "auto"}
        Where arrays are solved and differentiated, as for `Solver`.

    Raises
    ------
    ParameterError, BackendUnavailable
        Any value out of range, with the field's name.

    Examples
    --------
    Weights of 8 bits on 2-bit cells, read bit by bit, with faulty cells:

    >>> from crossbarsim.nn import CrossbarConfig
    >>> from crossbarsim.nonidealities import Faults, NonIdealities
    >>> from crossbarsim.periphery import ADC, DAC, Periphery
    >>> config = CrossbarConfig(
    ...     bits=8, bits_per_cell=2, input_encoding="bit-serial",
    ...     nonidealities=NonIdealities(faults=Faults(stuck_off=0.01)),
    ...     periphery=Periphery(dac=DAC(bits=8), adc=ADC(bits=8)),
    ... )
    >>> config.weights_per_tile
    32
    """

    tile_shape: tuple[int, int] = (128, 128)
    wires: Wires = field(default_factory=lambda: Wires(word=1.0, bit=1.0))
    g_on: float = 1e-4
    g_off: float = 1e-6
    scheme: Scheme = "differential"
    pairing: Pairing = "arrays"
    bits: int | None = None
    bits_per_cell: int = 1
    slicing: Slicing = "columns"
    cells_per_weight: int = 1
    cell_fill: Fill = "equal"
    scaling: Scaling = "layer"
    clip_percentile: float = 100.0
    reorder: Reorder = "none"
    grouping: Grouping = "packed"
    tiling: Tiling = "full"
    precision: Precision = "float64"
    read_voltage: float = 0.2
    input_encoding: Encoding = "bipolar"
    input_range: float | None = None
    signed_inputs: bool | None = None
    bias: Bias = "digital"
    path: Path = "auto"
    ends: Ends | None = None
    nonidealities: NonIdealities | None = None
    periphery: Periphery | None = None
    r_on_sigma: float = 0.0
    r_off_sigma: float = 0.0
    seed: int = 0
    backend: Any = "cpu"

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            choice(name, getattr(self, name), allowed)
        self._check_cells()
        self._check_tile()
        self._check_wires()
        self._check_numbers()
        self._check_ends()
        self._check_parts()

    @classmethod
    def ideal(cls, tile_shape: tuple[int, int] = (128, 128), **changes: Any) -> CrossbarConfig:
        """Return settings without wire resistance and variation: equal to the digital network."""
        return cls(**{"tile_shape": tile_shape, "wires": Wires(), **changes})

    @classmethod
    @checks_arguments
    def preset(cls, name: str, time: float | None = None, **changes: Any) -> CrossbarConfig:
        """Return settings with the devices and arrays of a published chip.

        Its conductances and what is wrong with them (`NonIdealities.preset`), and, where they are
        published, size of the arrays, pairing, bits and read voltage; `NonIdealities.source` tells
        where from, and what could not be checked. The resistance of wires is of none of them known
        here: `wires` are this class's default.

        Parameters
        ----------
        name : str
            One of `NonIdealities.presets`.
        time : float, optional
            Second since programming; default: the first at which states were measured.
        **changes
            Other fields, or other values of these.

        Raises
        ------
        ParameterError
            There is no such preset, or no measurement at that time.

        Examples
        --------
        >>> from crossbarsim.nn import CrossbarConfig
        >>> config = CrossbarConfig.preset("reram_neurram_2022", time=86400.0)
        >>> config.tile_shape, config.pairing, config.g_on
        ((256, 256), 'opposed', 4e-05)
        """
        chip = published_chip(name)
        given = {**chip.array, **changes}
        given.setdefault("nonidealities", NonIdealities.preset(name, time, g_max=given["g_on"]))
        return cls(**given)

    def replace(self, **changes: Any) -> CrossbarConfig:
        """Return a copy with some fields changed, checked again."""
        unknown = set(changes) - {f.name for f in fields(self)}
        if unknown:
            raise ParameterError(f"CrossbarConfig has no field {sorted(unknown)}")
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as numbers, strings, lists and dicts, see `Settings.to_dict`.

        Of an `ArrayBackend` its name is left, which cannot be read again.
        """
        return super().to_dict() | {"backend": getattr(self.backend, "name", self.backend)}

    # -- what follows from the settings ------------------------------------------------------

    @property
    def span(self) -> float:
        """Conductance of a cell at level 1 less that at level 0, siemens, nominal."""
        return self.g_on - self.g_off

    @property
    def linear(self) -> bool:
        """Whether cells are plain resistors."""
        return self.nonidealities is None or self.nonidealities.iv is None

    @property
    def exact_reads(self) -> bool:
        """Whether effective weights say everything: linear cells, no converters, no noise."""
        quiet = self.nonidealities is None or not self.nonidealities.reads
        return quiet and (self.periphery is None or self.periphery.ideal)

    @property
    def random(self) -> bool:
        """Whether one seed makes another chip than another."""
        return bool(
            self.r_on_sigma or self.r_off_sigma or self.nonidealities is not None
            or self.periphery is not None
        )

    @cached_property
    def wiring(self) -> Wiring:
        """Wires and ends as the arrays have them: at temperature, with drivers and amplifiers."""
        wires, ends = self.wires, self.ends
        if self.nonidealities is not None:
            wires = self.nonidealities.wires(wires)
        if self.periphery is not None:
            wires, ends = self.periphery.wires(wires), self.periphery.ends(ends)
        return Wiring(wires, ends, Solver(backend=self.backend))

    @property
    def layout(self) -> Layout:
        """How the weights of a tile lie on its arrays."""
        return Layout(
            self.scheme, self.pairing, self.bits, self.bits_per_cell, self.slicing,
            self.cells_per_weight, self.cell_fill,
        )

    @property
    def weights_per_tile(self) -> int:
        """Outputs that the columns of one array carry."""
        return self.layout.outputs_per_array(self.tile_shape[1])

    @property
    def inputs_per_tile(self) -> int:
        """Inputs that the word lines of one array take."""
        return self.layout.inputs_per_array(self.tile_shape[0])

    @property
    def line_ends(self) -> dict[str, bool]:
        """Which ends of the lines carry current: drivers, grounds and sense nodes."""
        ends = self.wiring.ends or Ends()
        names = ("word_left", "word_right", "bit_top", "bit_bottom")
        return {name: not isinstance(getattr(ends, name), Floating) for name in names}

    def _check_cells(self) -> None:
        for name, low, high in (("bits", 2, 24), ("bits_per_cell", 1, 8),
                                ("cells_per_weight", 1, 64)):
            value = getattr(self, name)
            if value is None and name == "bits":
                continue
            count(name, value, low=low, high=high)
        if self.bits is None and self.bits_per_cell != 1:
            raise ParameterError(
                f"`bits_per_cell` = {self.bits_per_cell} slices weights of `bits`, which is None; "
                "a device's states are a matter of `nonidealities=NonIdealities(states=...)`"
            )
        if not (_real(self.clip_percentile) and 0 < self.clip_percentile <= 100):
            raise ParameterError(
                f"`clip_percentile` must be in (0, 100]; got {self.clip_percentile!r}"
            )

    def _check_tile(self) -> None:
        shape = self.tile_shape
        whole = isinstance(shape, (tuple, list)) and len(shape) == 2 and all(
            isinstance(n, Integral) and not isinstance(n, bool) and n >= 1 for n in shape
        )
        if not whole:
            raise ParameterError(f"`tile_shape` must be two integers >= 1; got {shape!r}")
        object.__setattr__(self, "tile_shape", tuple(map(int, shape)))
        if self.weights_per_tile < 1:
            raise ParameterError(
                f"`tile_shape` {tuple(shape)} has no room: a weight of this mapping needs "
                f"{self.layout.columns(1)} columns"
            )
        if self.pairing == "opposed" and self.scheme != "differential":
            raise ParameterError(
                f'`pairing` "opposed" is of a differential pair; `scheme` is {self.scheme!r}'
            )
        if self.inputs_per_tile < 1:
            raise ParameterError(
                f"`tile_shape` {tuple(shape)} has no room: an opposed pair needs two rows"
            )

    def _check_wires(self) -> None:
        if not isinstance(self.wires, Wires):
            raise ParameterError(f"`wires` must be Wires(...); got {type(self.wires).__name__}")
        for name in Wires.__slots__:
            array = getattr(self.wires, name)
            if array.ndim or not math.isfinite(float(array)):
                got = f"shape {array.shape}" if array.ndim else array
                raise ParameterError(
                    f"`wires.{name}` must be one finite value for all arrays of a network; "
                    f"got {got}"
                )

    def _check_numbers(self) -> None:
        for name in ("g_on", "g_off", "read_voltage", "r_on_sigma", "r_off_sigma"):
            value = getattr(self, name)
            if not (_real(value) and math.isfinite(value) and value >= 0):
                raise ParameterError(f"`{name}` must be a finite number >= 0; got {value!r}")
            if name.endswith("sigma") and value > 1:
                raise ParameterError(f"`{name}` is relative, at most 1; got {value}")
        if not self.g_on > self.g_off:
            raise ParameterError(
                f"`g_on` must be larger than `g_off`; got {self.g_on!r} and {self.g_off!r}"
            )
        if self.read_voltage == 0:
            raise ParameterError("`read_voltage` must be > 0")
        if self.r_off_sigma > 0 and self.g_off == 0:
            raise ParameterError("`r_off_sigma` needs `g_off` > 0: an open cell does not vary")
        scale = self.input_range
        if scale is not None and not (_real(scale) and 0 < scale < math.inf):
            raise ParameterError(f"`input_range` must be > 0 or None; got {scale!r}")
        if self.signed_inputs not in (None, True, False):
            got = repr(self.signed_inputs)
            raise ParameterError(f"`signed_inputs` must be True, False or None; got {got}")
        object.__setattr__(self, "seed", count("seed", self.seed, low=0))

    def _check_ends(self) -> None:
        if self.ends is None:
            return
        if not isinstance(self.ends, Ends):
            raise ParameterError(f"`ends` must be Ends(...); got {type(self.ends).__name__}")
        for name in ("word_left", "word_right", "bit_top", "bit_bottom"):
            end = getattr(self.ends, name)
            if isinstance(end, tuple):
                raise ParameterError(f"`ends.{name}` must be one end for all lines of a network")
            if isinstance(end, Driven) and (end.voltage or name.startswith("bit")):
                raise ParameterError(
                    f"`ends.{name}`: a linear layer has no fixed voltages other than 0"
                )
        if isinstance(self.ends.bit_bottom, (Floating, Grounded)):
            raise ParameterError("`ends.bit_bottom` must be sensed: it is the layer's output")

    def _check_parts(self) -> None:
        for name, kind in (("nonidealities", NonIdealities), ("periphery", Periphery)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise ParameterError(
                    f"`{name}` must be {kind.__name__}(...) or None; got {value!r:.60}"
                )
        effects = self.nonidealities
        if effects is not None and effects.variability and (self.r_on_sigma or self.r_off_sigma):
            raise ParameterError(
                "`r_on_sigma` and `r_off_sigma` are short for a variability of `nonidealities`: "
                "give one or the other"
            )
        if self.path in ("born", "surrogate") and self.linear:
            raise ParameterError(
                f'`path` "{self.path}" is for cells that are not linear: give `nonidealities` with '
                "iv"
            )
        if self.path == "matrix" and not self.linear:
            raise ParameterError(
                '`path` "matrix" is for linear cells: with iv in `nonidealities`, "auto" solves '
                'every vector, "born" takes first-order currents and "surrogate" linearises every '
                "array"
            )
        _ = self.wiring  # checks that the parts go together
        around = self.periphery or Periphery()
        if not self.exact_reads:
            around.check_encoding(self.input_encoding)
            check_dac(self.input_encoding, around.dac, linear=self.linear)
        noise = getattr(effects, "noise", None)
        if getattr(noise, "feedback", None) and getattr(around.sense, "temperature", None):
            raise ParameterError(
                "give one of `ReadNoise.feedback` and `TransimpedanceSense.temperature`: both are "
                "the noise of the feedback resistor"
            )


def _real(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
