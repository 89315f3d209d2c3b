"""The public functions and classes, found by looking: a new one is covered, or has a row here.

`NAMES` are those with arguments that work, `entry_of` gives them; arguments that have defaults need no
row. `EXEMPT` says of the others why they have none.
"""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any

from .rows import ARGUMENTS, SELF

DOORS = (
    "crossbarsim", "crossbarsim.netlists", "crossbarsim.solvers", "crossbarsim.devices",
    "crossbarsim.periphery", "crossbarsim.programming", "crossbarsim.nonidealities", "crossbarsim.nn",
    "crossbarsim.nn.train", "crossbarsim.nn.writing", "crossbarsim.linalg", "crossbarsim.design", "crossbarsim.studies",
)
MADE = "made by the package, not by users"
PROTOCOL = "a protocol: what others give, not what takes arguments"
ERROR = "an error"
TORCH = "takes the place of torch's layer, of whose arguments torch's own errors speak"
# whole classes, or functions
EXEMPT = {
    "Fabricated": MADE, "LayerReport": MADE, "NetworkReport": MADE, "MatrixCalibration": MADE, "Calibration": MADE,
    "Solution": MADE, "OperatingPoint": MADE, "Sweep": MADE, "Transient": MADE, "Spectrum": MADE, "Fourier": MADE,
    "Harmonics": MADE, "NoiseSpectrum": MADE, "Sensitivities": MADE, "SensitivitySpectrum": MADE, "Stepped": MADE,
    "TransferFunction": MADE, "TransientAdjoint": MADE, "TransientResult": MADE, "TransientSensitivities": MADE,
    "Gradients": MADE, "Trace": MADE, "DeviceArray": MADE, "ProgramResult": MADE, "Window": MADE, "Lines": MADE,
    "Readout": MADE, "LayerCost": MADE, "NetworkCost": MADE, "Breakdown": MADE, "ADCErrors": MADE, "DACErrors": MADE,
    "SenseErrors": MADE, "Drive": MADE, "Phase": MADE, "Sample": MADE, "UpdateRecord": MADE, "DeviceSpread": MADE, "LazyMatrices": MADE,
    "Epoch": MADE, "Finetuned": MADE, "Evaluated": MADE, "Candidate": MADE, "Designed": MADE, "RecoveryResult": MADE,
    "IrDropResult": MADE, "NonIdealityResult": MADE, "ReadDelay": MADE, "ReadMargin": MADE, "TileMap": MADE,
    "TrainedCnn": MADE, "GradualReset": MADE, "Point": MADE, "StoredMatrix": MADE, "TransferCurve": MADE, "DriftReference": MADE, "Record": MADE, "RangeObserver": MADE,
    "Fit": MADE, "Fits": MADE, "Comparison": MADE, "Spread": MADE, "MeasuredAccuracy": MADE,
    "Refinement": MADE, "StudyResult": MADE, "StudyPlan": MADE, "LocalWorkers": "starts processes",
    "read_sweeps": "reads files", "WriteResult": MADE, "Extrapolation": MADE, "NetworkWriting": MADE,
    "network_writing": "trains a network, then is `program_network`; its own tests give it what is wrong",
    "Dataset": "data that were read", "Labelled": "data that were read",
    "DeviceModel": PROTOCOL, "Result": PROTOCOL, "ProgressMeter": PROTOCOL, "Scheme": PROTOCOL, "Distribution": PROTOCOL,
    "AgeingEffect": PROTOCOL, "CellLaw": PROTOCOL, "NoiseLaw": PROTOCOL, "WriteEffect": PROTOCOL, "UpdateRule": PROTOCOL, "TransferRule": PROTOCOL,
    "Fault": "an enumeration", "Device": "abstract: its models are below", "Transistor": "abstract",
    "CrossbarLayer": "abstract", "RichProgress": "takes a console of rich",
    "load_osdi": "reads files", "load_verilog_a": "reads files", "device_from_verilog_a": "reads files",
    "VerilogA": "made of files", "VerilogATransistor": "made of files",
    "read_raw": "reads files", "write_raw": "writes files", "load": "reads files", "load_digits": "has no argument",
    "register": "takes a class; what it checks of it is what `DeviceChecks` check",
    "register_layer": "fills a registry; its own tests give it what is wrong",
    "trained_cnn": "trains a network",
    "ArrayBackend": "takes an array module",
}


@dataclass(frozen=True)
class Entry:
    """A public callable, with arguments that work."""

    name: str
    call: Callable[..., Any]
    arguments: dict[str, Any]
    annotations: dict[str, str]


def public() -> dict[str, Any]:
    """Return every function and class of the doors by name."""
    found: dict[str, Any] = {}
    for door in DOORS:
        module = importlib.import_module(door)
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isfunction(thing) or inspect.isclass(thing):
                found.setdefault(name, thing)
    return found


def exempt(name: str, thing: Any) -> str:
    """Return why a callable has no row; empty where it must have one."""
    if inspect.isclass(thing) and issubclass(thing, Exception):
        return ERROR
    if any(base.__module__.startswith("torch.nn") for base in getattr(thing, "__mro__", ())):
        return TORCH if name not in ARGUMENTS else ""
    return EXEMPT.get(name, "")


def signature(call: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the named parameters of a callable."""
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = inspect.signature(call).parameters
    return {n: p for n, p in parameters.items() if p.kind not in kinds and n != "self"}


THINGS = public()
NAMES = [n for n, thing in THINGS.items() if not exempt(n, thing)] + [n for n in ARGUMENTS if "." in n]


@cache
def entry_of(name: str) -> Entry:
    """Return a public callable, or a method, with a set of arguments that works."""
    owner, _, method = name.partition(".")
    if not method:
        return entry(name, THINGS[name])
    bound = getattr(SELF[owner](), method)

    @wraps(bound)
    def anew(**arguments: Any) -> Any:  # circuits remember what was added
        return getattr(SELF[owner](), method)(**arguments)

    return entry(name, anew)


def entry(name: str, call: Callable[..., Any]) -> Entry:
    """Return a callable with its row's arguments, and defaults for the others."""
    parameters = signature(call)
    row = ARGUMENTS.get(name, dict)()
    for key, parameter in parameters.items():
        if key not in row and parameter.default is not inspect.Parameter.empty:
            row[key] = parameter.default
            if type(parameter.default).__name__ == "_HAS_DEFAULT_FACTORY_CLASS":
                del row[key]
    annotations = {k: str(p.annotation) for k, p in parameters.items()}
    return Entry(name, call, row, annotations)
