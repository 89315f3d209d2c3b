"""A network on crossbars as a differentiable function of its circuit."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..core.errors import ParameterError
from ..core.settings import closest, with_fields
from ..core.validation import count
from ..core.views.brief import brief_repr
from ..nn import CrossbarConfig, calibrate, convert, report
from ..nn.calibrate import evaluating, stored_names
from ..nn.chip.matrix import StoredMatrix
from ..periphery import IdealSense, Technology
from .reading import CIRCUIT, Circuit, MatrixModel

__all__ = ["Evaluated", "NetworkDesign"]

_FACTORS = ("adc_range", "input_range")


@dataclass(frozen=True)
class Evaluated:
    """A network at one point of its design.

    Attributes
    ----------
    energy : Tensor
        Joule per inference.
    output_error : Tensor
        Root mean square of the outputs' error over that of the digital network's outputs.
    loss : Tensor or None
        Cross entropy of the outputs, with labels.
    accuracy : float or None
        Share of the inputs that are labelled rightly, with labels.
    latency : float
        Second per inference.
    area : float
        Square metre.
    """

    energy: Tensor
    output_error: Tensor
    loss: Tensor | None
    accuracy: float | None
    latency: float
    area: float

    __repr__ = brief_repr


class NetworkDesign:
    """Energy, errors and loss of a network on crossbars, differentiable in the circuit.

    A point is a mapping of names to values. Numbers and tensors under the names "wires.word",
    "wires.bit", "wires.driver", "wires.sense" (ohm), "g_on", "g_off" (siemens), "read_voltage"
    (volt), "adc_range" and "input_range" (factors on the calibrated ranges) are differentiated,
    through the exact solution of every array. Any other field of the configuration, such as
    "tile_shape" or "periphery.adc.bits", may be among them as a choice.

    Converters of ADCs add the error of rounding as uniform noise of one step, the same draws at
    every point, and saturate: a smooth stand-in, whose gradient is exact, for what `check` then
    computes with the converters themselves. DACs round, straight-through. With `correct`, every
    output has the gain and offset of `calibrate`, found anew at every point.

    Parameters
    ----------
    model : torch.nn.Module
        A digital network; left as it is.
    inputs : Tensor
        A batch.
    labels : (B,) int tensor, optional
        For loss and accuracy.
    config : CrossbarConfig, optional
        What a point does not name: linear cells without non-idealities, ideal amplifiers.
    correct : bool
    technology : Technology, optional
        Of the energy; default: ISAAC's.
    seed : int
        Of the draws.

    Raises
    ------
    ParameterError
        A configuration with parts that are not differentiated, or no layer for crossbars.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim.design import NetworkDesign
    >>> _ = torch.manual_seed(0)
    >>> design = NetworkDesign(nn.Sequential(nn.Linear(8, 4)), torch.rand(16, 8))
    >>> g_on = torch.tensor(5e-5, dtype=torch.float64, requires_grad=True)
    >>> design.energy({"g_on": g_on, "wires.word": 5.0}).backward()
    >>> bool(g_on.grad > 0)  # joule per siemens
    True
    """

    def __init__(
        self, model: nn.Module, inputs: Tensor, labels: Tensor | None = None, *,
        config: CrossbarConfig | None = None, correct: bool = True,
        technology: Technology | None = None, seed: int = 0,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise ParameterError(f"`model` must be a torch module; got {model!r:.60}")
        if not isinstance(config, CrossbarConfig | None):
            raise ParameterError(f"`config` must be a CrossbarConfig; got {config!r:.60}")
        if not isinstance(correct, bool):
            raise ParameterError(f"`correct` must be True or False; got {correct!r:.60}")
        if not isinstance(inputs, Tensor) or not inputs.ndim or not len(inputs):
            raise ParameterError("`inputs` must be a tensor, a batch")
        if labels is not None and (not isinstance(labels, Tensor) or len(labels) != len(inputs)):
            raise ParameterError(f"`labels` must be a tensor of {len(inputs)} labels")
        if technology is not None and not isinstance(technology, Technology):
            raise ParameterError(f"`technology` must be a Technology; got {technology!r:.60}")
        self.config = config or CrossbarConfig()
        _check(self.config)
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.inputs, self.labels = inputs, labels
        self.correct, self.technology = correct, technology
        self.seed = count("seed", seed, low=0)
        try:
            with torch.no_grad():
                self.digital: Tensor = self.model(inputs).to(torch.float64)
        except Exception as error:  # of the model's own code
            raise ParameterError(f"`inputs`: the model does not take them: {error}") from error
        self._chips: dict[str, tuple[nn.Module, dict[StoredMatrix, MatrixModel]]] = {}
        self._last: tuple[Mapping[str, Any], Evaluated] | None = None

    # -- values ------------------------------------------------------------------------------

    def energy(self, point: Mapping[str, Any]) -> Tensor:
        """Return joule per inference."""
        return self.evaluate(point).energy

    def output_error(self, point: Mapping[str, Any]) -> Tensor:
        """Return the error of the outputs, relative."""
        return self.evaluate(point).output_error

    def loss(self, point: Mapping[str, Any]) -> Tensor:
        """Return the cross entropy.

        Raises
        ------
        ParameterError
            There are no labels.
        """
        found = self.evaluate(point).loss
        if found is None:
            raise ParameterError("`labels` were not given: there is no loss")
        return found

    def evaluate(self, point: Mapping[str, Any]) -> Evaluated:
        """Return everything at a point; of the same mapping once more, what is known.

        Raises
        ------
        ParameterError
            A name that is no field, or a value out of range.
        """
        if self._last is not None and self._last[0] is point:
            return self._last[1]
        found = self._evaluated(point)
        self._last = (point, found)
        return found

    def _evaluated(self, point: Mapping[str, Any]) -> Evaluated:
        config, circuit = self._settings(point)
        chip, models = self._chip(config)
        generator = torch.Generator().manual_seed(self.seed)
        with ExitStack() as stack:
            for stored, one in models.items():
                stack.callback(setattr, stored, "observer", None)
                stored.observer = one.begin(circuit, generator, correct=self.correct)
            with torch.no_grad():  # how the signals follow the circuit is kept by the models
                chip(self.inputs)
            for stored, one in models.items():
                stored.observer = one.read
            outputs = chip(self.inputs).to(torch.float64)
        error = (outputs - self.digital).norm() / self.digital.norm().clamp(min=1e-300)
        loss, accuracy = None, None
        if self.labels is not None:
            loss = nn.functional.cross_entropy(outputs, self.labels)
            accuracy = float((outputs.argmax(dim=1) == self.labels).double().mean())
        costs = [one.cost(len(self.inputs), self.technology) for one in models.values()]
        energy = torch.stack([energy for energy, _ in costs]).sum()
        return Evaluated(
            energy, error, loss, accuracy, sum(cost.latency for _, cost in costs),
            sum(cost.area.total for _, cost in costs),
        )

    # -- points ------------------------------------------------------------------------------

    def _settings(self, point: Mapping[str, Any]) -> tuple[CrossbarConfig, Circuit]:
        """Return the configuration of a point's choices, and its circuit."""
        if not isinstance(point, Mapping):
            raise ParameterError(f"a point must map names to values; got {point!r:.60}")
        known = (*CIRCUIT, *_FACTORS)
        choices = {name: value for name, value in point.items() if name not in known}
        for name in choices:
            if "." not in name and not hasattr(self.config, name):
                raise ParameterError(
                    f"a point has no {name!r}{closest(name, known)}; its names are "
                    f"{', '.join(known)} and fields of CrossbarConfig"
                )
        config = with_fields(self.config, choices) if choices else self.config
        _check(config)
        if "adc_range" in point and (
            config.periphery is None or not config.periphery.needs_calibration
        ):
            raise ParameterError('"adc_range" needs an ADC whose range is calibrated')
        if "input_range" in point and config.exact_reads:
            raise ParameterError('"input_range" changes nothing without converters')
        return config, Circuit.of(point, config)

    def config_at(self, point: Mapping[str, Any]) -> CrossbarConfig:
        """Return the configuration of a point, its factors on ranges apart."""
        config, circuit = self._settings(point)
        return with_fields(config, circuit.fields)

    def _chip(self, config: CrossbarConfig) -> tuple[nn.Module, dict[StoredMatrix, MatrixModel]]:
        """Return the network on a chip of these choices, with a model of every matrix."""
        key = repr(config.to_dict())
        if key not in self._chips:
            chip = convert(self.model, config)
            calibrate_ranges(chip, self.inputs)
            models = {stored: MatrixModel(stored) for stored in stored_names(chip).values()}
            with torch.no_grad(), evaluating(chip):
                for stored, one in models.items():
                    stored.observer = one.watch
                chip(self.inputs)
                for stored, one in models.items():
                    stored.observer = None
                    one.watched()
            self._chips = {key: (chip.eval(), models)}  # the last one: choices come in turn
        return self._chips[key]

    @torch.no_grad()
    def check(
        self, point: Mapping[str, Any], inputs: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> dict[str, float]:
        """Return what the network on its chip does at a point, with converters that round.

        By `convert`, `calibrate` and `report`, on the design's own inputs or on others; what is
        calibrated is calibrated on the design's.

        Returns
        -------
        dict
            "energy", "output_error", and with labels "accuracy" and "digital_accuracy".
        """
        own = self.inputs if inputs is None else inputs
        truth = self.labels if inputs is None else labels
        circuit = self._settings(point)[1]
        values = {name: float(getattr(circuit, name).detach()) for name in _FACTORS}
        chip = convert(self.model, self.config_at(point))
        calibrate(chip, [self.inputs], correct=self.correct)
        for stored in stored_names(chip).values():
            ranges = stored.ranges
            for field, name in (("full_scale", "adc_range"), ("input_range", "input_range")):
                value = getattr(ranges, field)
                if value is not None and values[name] != 1.0:
                    ranges = ranges.replace(**{field: float(value) * values[name]})
            stored.ranges = ranges
        outputs, digital = chip(own).double(), self.model(own).double()
        cost = report(chip, own, technology=self.technology).cost
        found = {
            "energy": float("nan") if cost is None else cost.energy.total,
            "output_error": float((outputs - digital).norm() / digital.norm().clamp(min=1e-300)),
        }
        if truth is not None:
            found["accuracy"] = float((outputs.argmax(dim=1) == truth).double().mean())
            found["digital_accuracy"] = float((digital.argmax(dim=1) == truth).double().mean())
        return found


def calibrate_ranges(chip: nn.Module, inputs: Tensor) -> None:
    """Find the ranges of the inputs, which no circuit changes: of all but the converters."""
    matrices = stored_names(chip)
    configs = {name: stored.config for name, stored in matrices.items()}
    try:
        for stored in matrices.values():
            around = stored.config.periphery
            if around is not None and around.adc is not None:
                stored.config = stored.config.replace(periphery=replace(around, adc=None))
        calibrate(chip, [inputs])
    finally:
        for name, stored in matrices.items():
            stored.config = configs[name]


def _check(config: CrossbarConfig) -> None:
    around = config.periphery
    problems = {
        "`nonidealities`": config.nonidealities is not None,
        "`r_on_sigma` or `r_off_sigma`": bool(config.r_on_sigma or config.r_off_sigma),
        "`ends`": config.ends is not None,
        "amplifiers other than IdealSense": (
            around is not None and not isinstance(around.sense, IdealSense)
        ),
        "static errors of ADCs": around is not None and around.adc is not None and any(
            getattr(around.adc, name) for name in ("inl", "dnl", "offset", "gain_error")
        ),
        "errors of DACs": around is not None and around.dac is not None and any(
            getattr(around.dac, name, 0.0) for name in ("inl", "dnl", "offset", "gain_error")
        ),
    }
    for name, there in problems.items():
        if there:
            raise ParameterError(
                f"{name}: a design's gradients are of ideal devices, amplifiers and converters; "
                "leave it out here, and convert the network with it at the point that is found"
            )
