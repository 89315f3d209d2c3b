"""A deck in ngspice and in our own engine, and how far apart they are.

A deck says its tolerances in a comment of its head, ``*! tran=1e-3 op=1e-6``; names are those below.
``*- d1_m d1:nr because ...`` names what is not compared, and why. ``*= written``: ngspice lacks
something of it and runs what `to_spice` makes of it; ``*= unwritten``: `to_spice` refuses it.
"""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.analyses.ac import Spectrum
from crossbarsim.solvers.circuit.analyses.noise import NoiseSpectrum
from crossbarsim.solvers.circuit.analyses.op import OperatingPoint
from crossbarsim.solvers.circuit.analyses.sensitivities import Sensitivities
from crossbarsim.solvers.circuit.analyses.transfer_function import TransferFunction
from crossbarsim.solvers.circuit.rawfile.reader import read_raw
from crossbarsim.solvers.circuit.results.results import Sweep, Transient

from crossbarsim import Solver

FOLDER = Path(__file__).parents[1] / "reference" / "spice" / "decks"
TOLERANCES = {
    "op": 1e-6,  # of the largest of its kind (volt, ampere) in the plot, or `volt`, `ampere`
    "dc": 1e-6,
    "ac": 1e-6,  # of the largest magnitude of the quantity
    "noise": 1e-4,  # of every point
    "tf": 1e-6, "sens": 1e-3,
    "tran": 1e-3,  # root mean square over the run, of the range of the quantity
    "meas": 1e-3,
    "volt": 1e-6, "ampere": 1e-9,  # smaller differences do not count
}
_PLOTS = {
    "Operating Point": ("op", OperatingPoint), "DC transfer characteristic": ("dc", Sweep),
    "AC Analysis": ("ac", Spectrum), "Transient Analysis": ("tran", Transient),
    "Noise Spectral Density Curves": ("noise", NoiseSpectrum),
    "Transfer Function": ("tf", TransferFunction), "Sensitivity Analysis": ("sens", Sensitivities),
}


def have_ngspice() -> bool:
    return shutil.which("ngspice") is not None


def tolerances(text: str) -> dict[str, float]:
    """Return the tolerances of a deck."""
    found = dict(TOLERANCES)
    for line in re.findall(r"^\*! (.*)$", text, re.MULTILINE):
        for pair in line.split():
            name, _, value = pair.partition("=")
            assert name in found, f"no tolerance {name}"
            found[name] = float(value)
    return found


def run_ngspice(path: Path, folder: Path, *, raw: bool = True, timeout: float = 30.0):
    """Return the plots of a deck's raw file, or with `raw` False what ngspice prints."""
    more = ["-r", str(folder / "out.raw")] if raw else []
    done = subprocess.run(
        ["ngspice", "-b", *more, str(path)], cwd=folder, capture_output=True, text=True,
        check=False, timeout=timeout,
    )
    if not raw:
        return done.stdout
    assert (folder / "out.raw").is_file(), done.stdout[-1500:] + done.stderr[-1500:]
    return read_raw(folder / "out.raw")


def distance(ours, theirs, scale: float) -> float:
    return float(np.abs(np.asarray(ours) - theirs).max() / scale)


def compare(path: Path, folder: Path) -> dict[str, float]:
    """Return the largest difference over its tolerance, by plot and quantity; 1 is the limit."""
    text = path.read_text()
    limit = tolerances(text)
    circuit = read_spice(path)
    results = Solver().run(circuit)
    worst: dict[str, float] = {}
    theirs = path
    if re.search(r"^\*= written", text, re.MULTILINE):
        theirs = folder / "written.cir"
        theirs.write_text(circuit.to_spice("ngspice"))
    if ".control" not in text:
        for plot in run_ngspice(theirs, folder):
            name = plot.name.split(" - ")[0].strip()
            if name.startswith("Integrated Noise"):
                found = next(r for r in results if isinstance(r, NoiseSpectrum))
                for key in plot.names:
                    if key in found:
                        worst[f"noise {key}"] = _relative(
                            found[key], plot[key][0], limit["noise"], 1e-15
                        )
                continue
            assert name in _PLOTS, f"a plot {plot.name!r} that is compared with nothing"
            kind, cls = _PLOTS[name]
            found = next(r for r in results if isinstance(r, cls))
            for key, miss in _plot(kind, found, plot, limit).items():
                worst[f"{kind} {key}"] = miss
    if circuit.measures:
        worst |= _measures(theirs, folder, results, limit)
    for line in re.findall(r"^\*- (.*)$", text, re.MULTILINE):
        for word in line.split():
            worst = {k: v for k, v in worst.items() if k.split()[-1] != word}
    assert worst, "nothing was compared"
    return worst


def _relative(ours, theirs, limit, floor) -> float:
    return float(np.max(np.abs(ours - theirs) / (np.abs(theirs) * limit + floor)))


def _floor(limit, key: str) -> float:
    return limit["ampere"] if key.startswith("i(") else limit["volt"]


def _plot(kind, found, plot, limit) -> dict[str, float]:
    if kind in ("tf", "sens"):
        ours = found.to_dict()
        # the raw file calls them voltages: v(r1_m)
        theirs = {n.lower()[2:-1]: float(plot[n][0]) for n in plot.names}
        names = [n for n in ours if n in theirs]
        assert names, (list(ours), list(theirs))
        return {n: _relative(ours[n], theirs[n], limit[kind], 1e-12) for n in names}
    if kind == "noise":
        names = [n for n in plot.names[1:] if n in found]
        return {n: _relative(found[n], plot[n], limit[kind], 1e-18) for n in names}
    known = {f"i({n})" if n.startswith("@") else n for n in found.to_dict()}
    names = [n for n in plot.names if n[:2] in ("v(", "i(") and "#" not in n and n in known]
    names = [n for n in names if n != plot.names[0] or kind == "op"]
    assert names, f"no quantity in common: {plot.names}"
    worst = {}
    largest = {
        k: max([float(np.abs(plot[n]).max()) for n in names if n[0] == k], default=0.0)
        for k in "vi"
    }
    for n in names:
        theirs, floor = plot[n], _floor(limit, n)
        if kind == "tran":
            ours = np.interp(plot.scale, found.time, found[n])
            # both as lines between their points: weigh by time
            w = np.gradient(plot.scale) if len(plot.scale) > 1 else np.ones(1)
            miss = float(np.sqrt((w * (ours - theirs) ** 2).sum() / w.sum()))
            worst[n] = miss / (limit["tran"] * float(np.ptp(theirs)) + floor)
        else:
            ours = np.ravel(found[n]) if kind != "op" else found[n]
            size = largest[n[0]] if kind == "op" else float(np.abs(theirs).max())
            assert np.size(ours) == np.size(theirs), f"{n}: other points"
            worst[n] = float(np.abs(ours - theirs).max()) / (limit[kind] * size + floor)
    return worst


def _measures(path, folder, results, limit) -> dict[str, float]:
    # in batch mode alone ngspice does not measure after .ac
    told = folder / "measured.cir"
    told.write_text(path.read_text().replace("\n.end\n", "\n.control\nrun\n.endc\n.end\n"))
    printed = run_ngspice(told, folder, raw=False)
    ours = {}
    for r in results:
        ours |= getattr(r, "measures", {})
    worst = {}
    for name, text in re.findall(r"^(\w+)\s+=\s+(\S+)", printed, re.MULTILINE):
        if name.lower() in ours:
            value = float(text)
            # they are printed with six digits
            worst[f"meas {name}"] = _relative(ours[name.lower()], value, limit["meas"], 1e-15)
    assert len(worst) >= 1, printed[-1500:]
    return worst
