"""What the circuit's voltages are.

`Solver` is the front door; `CrossbarSolver` and `Simulator` are the two products behind it. What
they return is here, too, by name: users and the layers above import from here, this layer imports
`crossbarsim.netlists` and `crossbarsim.core`. What solves arrays goes into `crossbar`, what solves
circuits into `circuit`.

Two engines, and a transient in each, because an array's cells are eliminated locally and its lines
as chains, which a general sparse matrix cannot do as fast, whereas a circuit has any elements and
answers as ngspice does. What both need in time is in `integration`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ..core.progress import Progress, ProgressMeter, RichProgress, Silent
from ..netlists.crossbar.waveforms import LineWaves, Waveforms
from .crossbar.batched.array_backend import ArrayBackend
from .crossbar_solver import CrossbarSolver
from .objectives import Energy, Integral, Mean, Objective, Rms, ValueAt
from .simulator import Simulator
from .solution import Gradients, Solution
from .solver import Solver
from .transient_result import Probe, ProbeName, TransientResult

if TYPE_CHECKING:
    from .circuit.analyses.ac import Spectrum
    from .circuit.analyses.fourier import Fourier, Harmonics
    from .circuit.analyses.noise import NoiseSpectrum
    from .circuit.analyses.op import OperatingPoint
    from .circuit.analyses.sensitivities import Sensitivities, SensitivitySpectrum
    from .circuit.analyses.transfer_function import TransferFunction
    from .circuit.results.result import Result
    from .circuit.results.results import Sweep, Transient
    from .circuit.results.sweep_results import Stepped
    from .circuit.sensitivity.transient_adjoint import TransientAdjoint, TransientSensitivities

__all__ = [
    "ArrayBackend",
    "CrossbarSolver",
    "Energy",
    "Fourier",
    "Gradients",
    "Harmonics",
    "Integral",
    "LineWaves",
    "Mean",
    "NoiseSpectrum",
    "Objective",
    "OperatingPoint",
    "Probe",
    "ProbeName",
    "Progress",
    "ProgressMeter",
    "Result",
    "RichProgress",
    "Rms",
    "Sensitivities",
    "SensitivitySpectrum",
    "Silent",
    "Simulator",
    "Solution",
    "Solver",
    "Spectrum",
    "Stepped",
    "Sweep",
    "TransferFunction",
    "Transient",
    "TransientAdjoint",
    "TransientResult",
    "TransientSensitivities",
    "ValueAt",
    "Waveforms",
]

# imported when asked for: these modules compile kernels
_LAZY = {
    "Fourier": "analyses.fourier", "Harmonics": "analyses.fourier",
    "NoiseSpectrum": "analyses.noise", "OperatingPoint": "analyses.op",
    "Result": "results.result", "Sensitivities": "analyses.sensitivities",
    "SensitivitySpectrum": "analyses.sensitivities", "Spectrum": "analyses.ac",
    "Stepped": "results.sweep_results", "Sweep": "results.results",
    "TransferFunction": "analyses.transfer_function", "Transient": "results.results",
    "TransientAdjoint": "sensitivity.transient_adjoint",
    "TransientSensitivities": "sensitivity.transient_adjoint",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".circuit.{_LAZY[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
