"""The C structures and constants of OSDI, the interface between simulators and compiled models.

Versions 0.3, 0.4 and 0.5: a descriptor of a later version is one of an earlier with more fields at
its end. (OSDI specification, SemiMod; OpenVAF-Reloaded for 0.4 and 0.5.)
"""

from __future__ import annotations

import ctypes as c
from typing import ClassVar, Literal

__all__ = [
    "ABSENT", "DESCRIPTOR_SIZES", "INFO_SIZE", "Descriptor", "InitInfo", "LimitFunction", "Log",
    "SimParameters",
]

ABSENT = 2**32 - 1
"""An offset that is not there, or ground as a node."""

# what parameters are
TYPE_MASK, KIND_MASK = 3, 3 << 30
TYPES: tuple[Literal["real", "integer", "string"], ...] = ("real", "integer", "string")
KINDS: tuple[Literal["model", "instance", "variable"], ...] = ("model", "instance", "variable")
# how `access` is called
SET, INSTANCE = 1, 4
# Jacobian entries
RESISTIVE, REACTIVE = 4, 8
# what `eval` is to compute, and where it stands
RESIST_RESIDUAL, REACT_RESIDUAL, RESIST_JACOBIAN, REACT_JACOBIAN = 1, 2, 4, 8
NOISE, VARIABLES = 16, 32
RESIST_LIMIT, REACT_LIMIT, LIMIT, FIRST_LIMIT = 64, 128, 256, 512
AT_NOISE, AT_DC, AT_AC, AT_TRANSIENT = 1024, 2048, 4096, 8192
AT_INITIAL, AT_STATIC = 16384, 32768
# what it answers
LIMITED, FATAL, FINISH, STOP = 1, 2, 4, 8
# what messages are
LEVEL_MASK, LEVEL_WARNING, LEVEL_ERROR = 7, 3, 4
OUT_OF_BOUNDS = 1
USES_TIME = 1  # of a module's flags, from 0.5 on
NOISE_TYPES = ("white", "flicker", "table")

u32, pointer, text = c.c_uint32, c.c_void_p, c.c_char_p


class NodePair(c.Structure):
    """Two nodes; `ABSENT` is ground."""

    _fields_: ClassVar = [("first", u32), ("second", u32)]


class JacobianEntry(c.Structure):
    """A derivative that is not always 0."""

    _fields_: ClassVar = [("nodes", NodePair), ("react_pointer", u32), ("flags", u32)]


class Node(c.Structure):
    """A terminal, an inner node or an inner unknown."""

    _fields_: ClassVar = [
        ("name", text), ("units", text), ("residual_units", text), ("resist_residual", u32),
        ("react_residual", u32), ("resist_limit", u32), ("react_limit", u32), ("is_flow", c.c_bool),
    ]


class ParameterRecord(c.Structure):
    """A parameter or an operating-point variable; `name` holds the aliases, too."""

    _fields_: ClassVar = [
        ("name", c.POINTER(text)), ("num_alias", u32), ("description", text), ("units", text),
        ("flags", u32), ("length", u32),
    ]


class NoiseSource(c.Structure):
    """A source of noise between two nodes."""

    _fields_: ClassVar = [("name", text), ("nodes", NodePair)]


class SimParameters(c.Structure):
    """What ``$simparam`` finds."""

    _fields_: ClassVar = [
        ("names", c.POINTER(text)), ("values", c.POINTER(c.c_double)),
        ("text_names", c.POINTER(text)), ("text_values", c.POINTER(text)),
    ]


class SimInfo(c.Structure):
    """The conditions of an evaluation."""

    _fields_: ClassVar = [
        ("parameters", SimParameters), ("time", c.c_double), ("solution", pointer),
        ("old_states", pointer), ("new_states", pointer), ("flags", u32),
        # of versions of 0.4 that query delayed values through the simulator: never asked, as
        # modules with delays are refused
        ("history", pointer), ("query", pointer),
    ]


INFO_SIZE = c.sizeof(SimInfo)


class InitError(c.Structure):
    """What a set-up finds wrong."""

    _fields_: ClassVar = [("code", u32), ("parameter", u32)]


class InitInfo(c.Structure):
    """All that a set-up finds wrong."""

    _fields_: ClassVar = [("flags", u32), ("count", u32), ("errors", c.POINTER(InitError))]


class LimitFunction(c.Structure):
    """A limiting function that the library expects from the simulator."""

    _fields_: ClassVar = [("name", text), ("arguments", u32), ("function", pointer)]


Log = c.CFUNCTYPE(None, pointer, pointer, u32)
Access = c.CFUNCTYPE(pointer, pointer, pointer, u32, u32)
SetUpModel = c.CFUNCTYPE(None, pointer, pointer, c.POINTER(SimParameters), c.POINTER(InitInfo))
SetUpInstance = c.CFUNCTYPE(
    None, pointer, pointer, pointer, c.c_double, u32, c.POINTER(SimParameters), c.POINTER(InitInfo)
)


class Descriptor(c.Structure):
    """A module; functions as addresses."""

    _fields_: ClassVar = [
        ("name", text), ("num_nodes", u32), ("num_terminals", u32), ("nodes", c.POINTER(Node)),
        ("num_jacobian", u32), ("jacobian", c.POINTER(JacobianEntry)),
        ("num_collapsible", u32), ("collapsible", c.POINTER(NodePair)), ("collapsed", u32),
        ("noise", c.POINTER(NoiseSource)), ("num_noise", u32),
        ("num_parameters", u32), ("num_instance_parameters", u32), ("num_variables", u32),
        ("parameters", c.POINTER(ParameterRecord)),
        ("node_mapping", u32), ("jacobian_pointers", u32), ("num_states", u32),
        ("state_indices", u32), ("bound_step", u32), ("instance_size", u32), ("model_size", u32),
        ("access", pointer), ("setup_model", pointer), ("setup_instance", pointer),
        ("eval", pointer), ("load_noise", pointer),
        ("load_residual_resist", pointer), ("load_residual_react", pointer),
        ("load_limit_rhs_resist", pointer), ("load_limit_rhs_react", pointer),
        ("load_spice_rhs_dc", pointer), ("load_spice_rhs_tran", pointer),
        ("load_jacobian_resist", pointer), ("load_jacobian_react", pointer),
        ("load_jacobian_tran", pointer),
        # from 0.4 on
        ("given_flag_model", pointer), ("given_flag_instance", pointer),
        ("num_resistive", u32), ("num_reactive", u32),
        ("write_jacobian_resist", pointer), ("write_jacobian_react", pointer),
        ("num_inputs", u32), ("inputs", c.POINTER(NodePair)),
        ("load_jacobian_offset_resist", pointer), ("load_jacobian_offset_react", pointer),
        ("unknown_nature", pointer), ("residual_nature", pointer),
        # from 0.5 on
        ("noise_types", c.POINTER(u32)), ("load_noise_parameters", pointer),
        ("module_flags", u32), ("num_delays", u32), ("delays", pointer),
    ]


DESCRIPTOR_SIZES = {
    (0, 3): Descriptor.given_flag_model.offset,
    (0, 4): Descriptor.noise_types.offset,
    (0, 5): c.sizeof(Descriptor),
}
"""Version -> the least size of its descriptors, byte; 0.3 has no other."""
