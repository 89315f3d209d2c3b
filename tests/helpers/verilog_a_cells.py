"""The models of tests/devices/verilog_a beside the built-in ones of the same equations."""

from pathlib import Path

import numpy as np

from crossbarsim.devices import VTEAM, JartVcmV1b, LinearIonDrift, StanfordPKU, VerilogA, Yakopcic

HERE = Path(__file__).resolve().parents[1] / "devices" / "verilog_a"
_RANGES = {"vteam": {"x": (0.0, "d")}}


def module(name, **parameters):
    """Return a model of tests/devices/verilog_a, with ranges of its states."""
    if name in _RANGES:
        parameters.setdefault("states", _RANGES[name])
    if name == "jart_vcm_v1b":
        parameters.setdefault("read_voltage", -0.2)
    return VerilogA(HERE / f"{name}.va", **parameters)


def written(folder, text, name):
    """Return the path of a source with a text."""
    path = Path(folder, f"{name}.va")
    path.write_text(f'`include "disciplines.vams"\n{text}\n', encoding="utf-8")
    return path


ONE = np.ones(1)
# module, built-in model, amplitude (V) and frequency (Hz) of a loop, units of states
MODELS = {
    "linear_ion_drift": lambda: (module("linear_ion_drift"), LinearIonDrift(v_p=0.0, v_n=0.0), 1.0, 1.0, ONE),
    "vteam": lambda: (module("vteam"), VTEAM(), 1.0, 1e7, ONE),
    "yakopcic": lambda: (module("yakopcic"), Yakopcic(), 0.45, 100.0, ONE),
    "stanford_pku": lambda: (module("stanford_pku"), StanfordPKU(), 1.6, 1e6, 1e9 * ONE),
    "jart_vcm_v1b": lambda: (module("jart_vcm_v1b"), JartVcmV1b(), 1.3, 1e3, np.ones(2)),
}
