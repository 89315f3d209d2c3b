"""Names of dot commands and options."""

from __future__ import annotations

__all__ = ["CHANGING", "OPTION_NAMES", "OTHERS", "REFUSED"]

# commands of SPICE dialects that are refused, and what they are
REFUSED = {
    ".pz": "pole-zero analysis", ".disto": "distortion analysis", ".pss": "periodic steady state",
    ".sp": "S-parameters", ".width": "page widths", ".csparam": "constants of control blocks",
    ".data": "tables of parameters", ".alter": "altered decks",
    ".savebias": "saved operating points", ".loadbias": "saved operating points",
    ".wave": "sound files", ".net": "two-port parameters", ".connect": "connected nodes",
    ".protect": "hidden text", ".unprotect": "hidden text", ".machine": "state machines",
    ".backanno": "back annotation", ".mc": "Monte Carlo analysis",
    ".wcase": "worst cases", ".veriloga": "Verilog-A", ".hdl": "Verilog-A",
}
_FLAGS = (
    "acct", "list", "nomod", "nopage", "node", "opts", "norefvalue", "noacct", "klu", "sparse",
    "keepopinfo", "noopiter", "oldlimit", "trytocompact", "interp", "savecurrents", "noinit",
    "autostop", "badmos3", "nodamping", "rawfile",
)
_OPTIONS = (
    "abstol", "bypass", "chgtol", "convlimit", "cshunt", "defad", "defas", "defl", "defw",
    "gmin", "gminsteps", "gminfactor", "gshunt", "itl1", "itl2", "itl3", "itl4", "itl5", "itl6",
    "ltereltol", "lteabstol", "ltetrtol", "maxord", "maxevtiter", "maxopalter", "method",
    "minbreak", "newtrunc", "nodedamping", "numdgt", "pivrel", "pivtol", "ramptime", "reltol",
    "rshunt", "scale", "seed", "srcsteps", "temp", "tnom", "trtol", "vntol", "xmu", "xtrtol",
    "limpts", "limtim", "cptime", "lvlcod", "lvltim", "noiseless",
    "delmin", "filetype", "rseries", "resmin", "warn", "maxwarns", "nfreqs", "fourgridsize",
    "polydegree",
)
OPTION_NAMES = (*_FLAGS, *_OPTIONS)
# options that would change results and are not supported, with the value that does not
CHANGING: dict[str, float | None] = {
    "scale": 1.0, "gshunt": 0.0, "defad": 0.0, "defas": 0.0, "rshunt": None, "cshunt": 0.0,
    "rseries": 0.0, "ramptime": 0.0, "autostop": 0.0, "badmos3": 0.0,
}
# commands that the reader handles itself
OTHERS = (".param", ".func", ".subckt", ".ends", ".model", ".include", ".lib", ".global", ".title",
           ".end", ".control", ".endc", ".if", ".elseif", ".else", ".endif")
