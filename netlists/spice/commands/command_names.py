"""Names of dot commands and options."""

from __future__ import annotations

__all__ = [
    "CHANGING", "IDLE", "IDLE_COMMANDS", "OPTION_NAMES", "OTHERS", "REFUSED", "WITHOUT_EFFECT",
]

# commands of SPICE dialects that are refused, and what they are
REFUSED = {
    ".pz": "pole-zero analysis", ".disto": "distortion analysis", ".pss": "periodic steady state",
    ".sp": "S-parameters", ".data": "tables of parameters (`.step param x list 1 2`)",
    ".fft": "Fourier transforms of outputs (`fft` of control blocks, `.four`)",
    ".alter": "altered decks (`.step param x list 1 2`)",
    ".savebias": "saved operating points", ".loadbias": "saved operating points",
    ".wave": "sound files", ".net": "two-port parameters", ".connect": "connected nodes",
    ".protect": "hidden text", ".unprotect": "hidden text", ".machine": "state machines",
    ".mc": "Monte Carlo analysis",
    ".wcase": "worst cases", ".veriloga": 'Verilog-A (`.hdl "x.va"`)',
}
# options that count
EFFECTIVE = (
    "abstol", "chgtol", "cshunt", "defad", "defas", "defl", "defw", "delmin", "fourgridsize",
    "filetype", "gmin", "gminfactor", "gminsteps", "interp", "itl1", "itl2", "itl4", "itl6",
    "klu", "maxord", "method", "minbreak", "nfreqs", "noopiter", "numdgt", "reltol", "resmin",
    "rseries", "rshunt", "savecurrents", "scale", "seed", "srcsteps", "temp", "tnom", "trtol",
    "vntol", "wnflag", "xmu",
)
# commands that concern what there is not here: they are noted, too
IDLE = ("rusage", "version", "status", "listing", "remzerovec")  # of control blocks
IDLE_COMMANDS = {".width": "the width of listings", ".backanno": "a schematic editor"}
_LISTING = "SPICE's listing, which there is not"
_ALWAYS = "elements are evaluated in every step"
_EVENTS = "event-driven elements, which there are not"
# options of ngspice that concern what there is not here: they are noted in `Circuit.notes`
WITHOUT_EFFECT = {
    **dict.fromkeys(("acct", "list", "nomod", "nopage", "node", "opts", "norefvalue", "noacct",
                     "noinit", "warn", "maxwarns", "rawfile"), _LISTING),
    "bypass": _ALWAYS, "trytocompact": "the past of lossy lines, which is kept whole",
    "sparse": "ngspice's own linear solver; ours is used unless `klu` is given",
    "pivtol": "the pivots of a linear solver that is not used",
    "pivrel": "the pivots of a linear solver that is not used",
    "maxevtiter": _EVENTS, "maxopalter": _EVENTS, "xtrtol": _EVENTS, "convlimit": _EVENTS,
    "keepopinfo": "operating points, which are kept with every result",
    "oldlimit": "SPICE 2's limiting of MOS transistors; SPICE 3's is used",
    "nodamping": "the damping of Newton's steps, which is not used",
    **dict.fromkeys(("itl3", "itl5", "limpts", "limtim", "cptime", "lvlcod", "lvltim"),
                    "SPICE 2, which ngspice does not look at either"),
    **dict.fromkeys(("post", "probe", "ingold", "brief", "co", "captab", "measdgt", "csdf",
                     "plotwinsize", "meascplxfmt", "fastaccess", "topologycheck", "baudrate"),
                    "the files and listings of other simulators"),
    **dict.fromkeys(("accurate", "runlvl", "stepgmin", "advconv"),
                    "the ways of other simulators; reltol, trtol and gminsteps are those here"),
}
# options that would change results and are not supported: the value that does not, and what is
CHANGING: dict[str, tuple[float, str]] = {
    "gshunt": (0.0, "`rshunt` puts a resistor from every node to ground"),
    "ramptime": (0.0, "give sources a rise time"), "autostop": (0.0, "`.tran` runs to its end"),
    "badmos3": (0.0, "level 3 has its corrected equations"),
    "newtrunc": (0.0, "steps are chosen by the errors of charges: reltol, chgtol, trtol"),
    "ltereltol": (1e-3, "there is no `newtrunc`"), "lteabstol": (1e-6, "there is no `newtrunc`"),
    "ltetrtol": (500.0, "there is no `newtrunc`"), "polydegree": (1.0, "curves are lines"),
    "nodedamping": (0.0, "an operating point that is hard to find: `.nodeset`, itl1"),
}
OPTION_NAMES = (*EFFECTIVE, *WITHOUT_EFFECT, *CHANGING)
# commands that the reader handles itself
OTHERS = (".param", ".params", ".func", ".subckt", ".ends", ".model", ".include", ".lib",
          ".global", ".title", ".end", ".control", ".endc", ".csparam", ".global_param", ".if",
          ".elseif", ".else", ".endif", ".hdl")
