"""The circuits in which parameters show, see `parameter_decks`."""

from typing import NamedTuple

from tests.helpers.parameter_decks import STAGES, Rig

_MOS_SOURCES = "vd d 0 dc 3\nvb b 0 -0.4\nvg g 0 dc 1.5 ac 1 pulse(-1 3 0 1n 1n 5n 12n)"
_MOS = "rd# d p# 1k\nrs# s# 0 100\nrg# g q# 50\nrb# b c# 100\nm# p# q# s# c# mm_# {own}"
_MOS_OWN = {"w": "10u", "l": "2u", "ad": "1n", "as": "1n", "pd": "100u", "ps": "100u"}
_MOS_ELEMENT = {"w": "14u", "l": "3u", "ad": "3n", "as": "3n", "pd": "400u", "ps": "400u", "nrd": "3", "nrs": "3",
                "off": "", "ic": "1,1,-1", "icvds": "1", "icvgs": "1", "icvbs": "-1", "m": "2", "temp": "90",
                "dtemp": "20"}
_JUNCTIONS = {"cj": 2e-4, "cjsw": 1e-9, "cgso": 2e-10, "cgdo": 2e-10, "cgbo": 2e-10, "kf": 1e-24}
_MOS_CURRENT = {"vto": 0.7, "kp": 5e-5, "gamma": 0.5, "phi": 0.65, "rd": 20, "rs": 20, "tox": 4e-8, "js": 1e-3}
_MOS_PROCESS = {"tox": 4e-8, "nsub": 2e15, "nss": 1e10, "rsh": 20, "is": 1e-9, "xj": 3e-7, "uexp": 0.1, "ld": 1e-7}

_DIODE = {"@ic": "ngspice 39 reads it and starts from the nodes' voltages", "@off": "a first guess"}
_SWITCH = {"tran": "it switches at the end of its step, ours at the crossing",
           "@on": "in small signals it opens what its operating point has closed"}
_ISR = "its conductance of `isr` is not the slope of its current"
_START = {"@off": "a first guess", "ac 6": "its small signals leave level 6 out"}

_PASSIVE_SOURCE = "vd d 0 dc 1 ac 1 pulse(-1 3 0 1n 1n 5n 12n)"
_PASSIVE = {"m": "3", "tc": "4m", "tc1": "4m", "tc2": "1u", "temp": "90", "dtemp": "20", "scale": "2", "rser": "100",
            "rpar": "1k", "lser": "1u", "cpar": "2p"}

RIGS = [
    Rig("d", "vd d 0 dc 0.8 ac 1 pulse(-3 0.75 0 1n 1n 5n 12n)", "r# d p# 500\nd# p# 0 mm_# {own}",
        {"is": 1e-14, "cjo": 2e-12, "tt": 5e-10, "bv": 8, "cjsw": 1e-12, "jsw": 1e-13, "rs": 5, "kf": 1e-15},
        {"pj": "1.2"}, {"ikr": 1e-3, "ikf": 1e-3, "vj": 0.8}, other={
            **_DIODE, "tran": "its steps become too short"}, sweep="-9 0.9 0.1",
        element={"area": "2", "pj": "4", "off": "", "ic": "0.3", "m": "3", "temp": "90", "dtemp": "20"}),
    Rig("d", "vd d 0 dc 0.8 ac 1 pulse(-3 0.75 0 1n 1n 5n 12n)", "r# d p# 500\nd# p# 0 mm_# {own}",
        {"is": 1e-12, "isr": 1e-11, "bv": 8, "kf": 1e-15}, other={
            **_DIODE, "ac": _ISR, "tran": _ISR}, sweep="-9 0.9 0.1",
        element={"area": "2", "pj": "4", "off": "", "ic": "0.3", "m": "3", "temp": "90", "dtemp": "20"}),
    *(Rig("nmos", _MOS_SOURCES, _MOS, {**_JUNCTIONS, **base}, _MOS_OWN, element=_MOS_ELEMENT, card={"tpg": -1},
          other={**_START, "ac 3": "its slopes with vmax, and in saturation, are not those of its currents"})
      for base in (_MOS_CURRENT, _MOS_PROCESS)),
    Rig("nmos", _MOS_SOURCES.replace("vb b 0 -0.4", "vb b 0 0.6"), _MOS, {
        **_JUNCTIONS, "tox": 4e-8, "nsub": 2e15, "xj": 3e-7, "vmax": 5e4, "is": 1e-14}, _MOS_OWN, element=_MOS_ELEMENT,
        card={"tpg": -1}, other={**_START, "ac": "with a forward-biased bulk its slopes are not those of its currents"}),
    *(Rig("npn", f"vd d 0 dc 2\nvs s 0 {substrate}\nvg g 0 dc 0.75 ac 1 pulse(-0.2 0.8 0 1n 1n 5n 12n)",
          "rc# d p# 50\nrb# g q# 50\nre# e# 0 5\nq# p# q# e# s mm_# {own}",
          {"is": 1e-14, "vaf": 50, "var": 20, "ikf": 0.01, "ikr": 0.01, "ise": 1e-12, "isc": 1e-12, "re": 1, "rc": 5,
           "cje": 1e-12, "cjc": 1e-12, "cjs": 1e-12, "mjs": 0.4, "tf": 2e-10, "xtf": 2, "vtf": 2, "itf": 0.01, "tr": 1e-8,
           "iss": 1e-13, "xcjc": 0.7, "kf": 1e-14, **base},
          element={"area": "2", "areab": "2", "areac": "3", "off": "", "ic": "0.3,1", "icvbe": "0.3", "icvce": "1",
                   "m": "3", "temp": "90", "dtemp": "20"},
          other={**_START, "ptf": "a pure delay in its small signals, the filter of its transients in ours", **other})
      for substrate, base, other in (
          (0.2, {}, {}),
          (-1, {"rb": 50, "rbm": 10, "irb": 1e-4},
           {"ac": "it leaves out how the base resistance changes with the base current"}))),
    Rig("njf", "vd d 0 dc 2\nvg g 0 dc 0.3 ac 1 pulse(-1 0.7 0 1n 1n 5n 12n)",
        "rd# d p# 100\nrg# g q# 50\nj# p# q# 0 mm_# {own}",
        {"beta": 1e-3, "cgs": 1e-12, "cgd": 1e-12, "rd": 10, "rs": 10, "is": 1e-13, "kf": 1e-16, "b": 0.8},
        element={"area": "2", "off": "", "ic": "0.3,1", "icvds": "0.3", "icvgs": "1", "m": "3",
                 "temp": "90", "dtemp": "20"}, other={
                     **_START, "tran 2": "its time steps become too short", "start 2": "its time steps become too short",
                     "dtemp 2": "it takes it for the temperature itself"}),
    Rig("njf", "vd d 0 dc 2\nvg g 0 dc -0.3 ac 1 pulse(-1 0.5 0 1n 1n 5n 12n)",
        "rd# d p# 100\nrg# g q# 50\nj# p# q# 0 mm_# {own}",
        {"beta": 2e-3, "cgs": 1e-12, "cgd": 1e-12, "rd": 10, "rs": 10, "is": 1e-13, "kf": 1e-16, "b": 0.8, "z": 0.6, "xi": 0.8,
         "mxi": 0.1, "vst": 0.08, "mvst": 0.05, "lfgam": 0.04, "lfg1": 5e-3, "lfg2": 3e-3, "hfgam": 0.06, "hfg1": 4e-3,
         "hfg2": 2e-3, "hfeta": 0.03, "hfe1": 4e-3, "hfe2": 3e-3, "taug": 1e-7, "taud": 1e-6, "delta": 0.4, "p": 2.4, "q": 2.1,
         "acgam": 0.05, "xc": 0.2, "cds": 3e-13, "ibd": 1e-9, "vbd": 1.5},
        element={"area": "2", "off": "", "ic": "0.3,1", "icvds": "0.3", "icvgs": "1", "m": "3",
                 "temp": "90", "dtemp": "20"}, other={
                     **_START, "tran": "its filter of traps and heat depends on its steps",
                     "start": "how it starts without an operating point is not compared",
                     "dtemp 2": "it takes it for the temperature itself"}),
    *(Rig("vdmos", f"vd d 0 dc {volt}\nvg g 0 dc {gate} ac 1 pulse(-1 5 0 1n 1n 5n 12n)",
          "rd# d p# 100\nrg# g q# 50\nm# p# q# 0 mm_# {own}",
          {"vto": 2, "kp": 0.05, "lambda": 0.02, "theta": 0.1, "rd": 5, "rs": 2, "rg": 20, "cgs": 5e-12, "cgdmax": 5e-12,
           "cgdmin": 1e-12, "cjo": 5e-12, "rb": 1, "is": 1e-12, "kf": 1e-20, **base}, card={"rds": 1e4, "ibv": 1e-3},
          element={"off": "", "ic": "1,1", "icvds": "1", "icvgs": "1", "m": "2", "temp": "90", "dtemp": "20"},
          other={**_START, "start": "how its capacitances start without an operating point is not compared",
                 "rds": "small signals leave it out", **other})
      for volt, gate, base, other in (
          (3, 3.5, {}, {}),
          (3, 3.5, {"rq": 3, "vq": 2}, {"ac": "small signals leave out how rq changes"}),
          (-0.9, 0, {"bv": 2.5, "tt": 1e-10}, {"ac": "in reverse its slopes are not those of its currents"}))),
    *(Rig("r", _PASSIVE_SOURCE, "ra# d p# 1k\nr# p# 0 mm_# {own}", base, own, element=_PASSIVE | {
        "l": "200u", "w": "20u", "r": "500", "resistance": "500", "ac": "3k"}, other={
            "resistance": "in a card it counts before the sheet resistance, which `r` does not"})
      for base, own in (
          ({"rsh": 100, "defw": 1e-5, "l": 1e-4, "tc1": 1e-3, "tc2": 1e-5, "kf": 1e-12}, {}),
          ({"r": 2e3, "kf": 1e-20}, {"l": "100u", "w": "10u"}))),
    *(Rig("c", _PASSIVE_SOURCE, "ra# d p# 1k\nc# p# 0 mm_# {own}", {
        "cj": 1e-3, "cjsw": 1e-9, "defw": 3e-5, "defl": 5e-5, "tc1": 1e-3, "tc2": 1e-5, "narrow": 1e-6, "short": 1e-6,
    }, own, element=_PASSIVE | {"l": "80u", "w": "20u", "c": "5p", "capacitance": "5p", "q": "'3p*v(d)'", "ic": "1"},
        other={"c": "a flag", **other})
      for own, other in (({"l": "50u"}, {}), ({}, dict.fromkeys(STAGES, "ngspice 39 takes a length of 0")))),
    Rig("l", _PASSIVE_SOURCE, "ra# d p# 1k\nl# p# 0 mm_# {own}", {"ind": 1e-5, "tc1": 1e-3, "tc2": 1e-5},
        element=_PASSIVE | {"l": "5u", "inductance": "5u", "ic": "1m"}),
    Rig("sw", "vd d 0 dc 0.5 ac 1 pulse(-1 3 0 10n 10n 5n 30n)\nva a 0 dc 1 ac 1", "ra# a p# 1k\ns# p# 0 d 0 mm_# {own}",
        {"vt": 0.4, "vh": 0.2, "ron": 10, "roff": 1e4}, element={"on": "", "off": "", "m": "3"}, other=_SWITCH),
    Rig("csw", "vd d 0 dc 0.5 ac 1 pulse(-1 3 0 10n 10n 5n 30n)\nva a 0 dc 1 ac 1\nrd d 0 1", "ra# a p# 1k\nw# p# 0 vd mm_# {own}",
        {"it": -0.3, "ih": 0.05, "ron": 10, "roff": 1e4}, element={"on": "", "off": "", "m": "3"}, other=_SWITCH),
    Rig("ltra", "vd d 0 dc 1 ac 1 pulse(-1 3 0 1n 1n 5n 12n)", "ra# d a# 50\no# a# 0 p# 0 mm_# {own}\nrb# p# 0 60",
        {"r": 20, "l": 2.5e-7, "c": 1e-10, "g": 1e-3, "len": 0.1}, card={"steplimit": 1},
        element={"m": "2", "ic": "1,1m,2,-1m", "icv1": "1", "ici1": "1m", "icv2": "2", "ici2": "-1m"},
        other=dict.fromkeys(STAGES, "it refuses lines of g, and copies of lines")),
    *(Rig("urc", "vd d 0 dc 0.5 ac 1 pulse(-1 3 0 1n 1n 5n 12n)", "u# d p# 0 mm_# {own}\nrb# p# 0 10k",
          {"k": 1.5, "rperl": 1e7, "cperl": 1e-9, "fmax": 1e9, **base}, {"l": "1m"}, {"isperl": 1e-6},
          element={"l": "2m", "n": "6", "m": "2"}, other=dict.fromkeys(STAGES, "it has no copies of lines"))
      for base in ({}, {"isperl": 1e-6, "rsperl": 1e6})),
]

_OFF = {"@off": "a first guess: see test_off_chooses_the_state"}
# what shows in none of these circuits, and why
SILENT: dict[str, dict[str, str]] = {
    "d": _OFF, "npn": _OFF, "njf": _OFF, "nmos": {
        **_OFF, "rsh": "ngspice has no squares at level 6 where none are given"}, "vdmos": _OFF, "sw": {"@off": "the default"}, "csw": {"@on": "outside of the window", "@off": "the default"},
}


class Line(NamedTuple):
    """An element without a model card: a deck with ``{own}``, what the element says at first, and changes."""

    deck: str
    element: str
    base: dict[str, str]
    changes: dict[str, dict[str, str]]


def _not(*names: str) -> dict[str, dict[str, str]]:
    """Return what another circuit shows."""
    return {name: {} for name in names}


_SOURCE = "v1 a 0 dc 1 ac 1 pulse(0 1 0 1n 1n 5n 12n)\nr1 a b 50\n"
_ARRAY = {"rows": "2", "columns": "2", "word": "5", "bit": "3", "resistance": "1k"}
_GATED = {k: v for k, v in _ARRAY.items() if k != "resistance"} | {
    "resistance": "1k", "transistor": "nm", "w": "1u", "l": "1u"}
_PORTS = "v1 a 0 dc 1 ac 1\nv2 b 0 0.3\nr1 c 0 10\nr2 d 0 20\n"
_NM = ".model nm nmos(is=0 vto=0.5 kp=1e-3)\n.model other nmos(is=0 vto=0.4 kp=1e-3)\n"
_GATES = "vg g 0 2\nvh h 0 2.5\n"
LINES = [
    Line(_SOURCE + "t1 b 0 c 0 {own}\nr2 c 0 100\n", "t1", {"z0": "50", "td": "2n"}, {
        "z0": {"z0": "75"}, "zo": {"z0": "", "zo": "75"}, "td": {"td": "3n"}, "ic": {"ic": "1,0,0.5,0"}, "m": {"m": "2"},
        "f": {"td": "", "f": "100meg"}, "nl": {"td": "", "f": "100meg", "nl": "0.4"}}),
    Line("i1 0 b dc 1m ac 1 {own}\nr2 b 0 1k\n", "i1", {}, {"m": {"m": "2"}}),
    Line(_SOURCE + "g1 0 b a 0 1m {own}\n", "g1", {}, {"m": {"m": "2"}}),
    Line(_SOURCE + "r2 b 0 200\nf1 0 b v1 2 {own}\n", "f1", {}, {"m": {"m": "2"}}),
    Line(_SOURCE + "g1 0 b value={{v(a)*1m}} {own}\n", "g1", {}, {"m": {"m": "2"}}),
    Line(_PORTS + "x1 a b c d crossbar {own}\n", "x1", _ARRAY, {
        "word": {"word": "9"}, "bit": {"bit": "9"}, "word_capacitance": {"word_capacitance": "1p"},
        "bit_capacitance": {"bit_capacitance": "1p"}, "resistance": {"resistance": "2k"},
        "model": {"resistance": "", "model": "mem"},
        **_not("rows", "columns", "conductance", "transistor", "gates", "side", "w", "l")}),
    Line(_PORTS + _GATES + _NM + "x1 a b c d g h crossbar {own}\n", "x1", _GATED, {
        "transistor": {"transistor": "other"}, "gates": {"gates": "columns"}, "side": {"side": "word"},
        "w": {"w": "2u"}, "l": {"l": "2u"}, **_not(*_ARRAY, "word_capacitance", "bit_capacitance", "conductance", "model")}),
]
