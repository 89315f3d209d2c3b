"""Decks as users have them: read, written back, and the same in ngspice."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from crossbarsim import Solver, read_spice

FOLDER = Path(__file__).parent / "spice_decks"
DECKS = sorted(path.stem for path in FOLDER.glob("*.cir"))
OURS_ONLY = ("dialect", "memristor", "crossbar", "steps", "ekv", "ekv_inverter")  # not the language of ngspice
NGSPICE = shutil.which("ngspice")
TIGHT = ".options reltol=1e-7 abstol=1e-15 vntol=1e-9 chgtol=1e-17\n"


@pytest.mark.parametrize("name", DECKS)
def test_decks_are_written_back(name):
    circuit = read_spice(FOLDER / f"{name}.cir")
    deck = circuit.to_spice()
    again = read_spice(deck)
    assert again.to_spice() == deck
    if name == "steps":  # numbers that came from a parameter
        return
    for one, two in zip(circuit, again, strict=True):
        assert (one.name.lower(), one.nodes, one.value, one.control, one.model) == (
            two.name.lower(), two.nodes, two.value, two.control, two.model)
        for key, value in two.parameters:
            assert one.get(key) == value, (one.name, key)
    bare = [re.sub(r"where=\([^)]*\)", "", repr(a)) for a in circuit.analyses]
    assert bare == [re.sub(r"where=\([^)]*\)", "", repr(a)) for a in again.analyses]
    assert again.initial == circuit.initial
    assert again.nodeset == circuit.nodeset
    assert again.options == circuit.options
    assert again.temperature == pytest.approx(circuit.temperature, abs=1e-10)


def raw_plots(path):
    """Plots of a binary raw file: (name, {vector: values})."""
    data, plots = path.read_bytes(), []
    while data.strip():
        head, _, data = data.partition(b"Binary:\n")
        text = head.decode()
        variables = int(re.search(r"No. Variables: (\d+)", text)[1])
        points = int(re.search(r"No. Points: (\d+)", text)[1])
        names = [line.split()[1] for line in text.split("Variables:\n")[1].splitlines()[:variables]]
        kind = complex if "Flags: complex" in text else float
        size = variables * points * np.dtype(kind).itemsize
        values = np.frombuffer(data[:size], dtype=kind).reshape(points, variables)
        data = data[size:]
        plots.append((re.search(r"Plotname: (.*)", text)[1], dict(zip(names, values.T, strict=True))))
    return plots


def run(deck, tmp_path, name):
    path = tmp_path / f"{name}.cir"
    path.write_text(deck)
    done = subprocess.run(
        [NGSPICE, "-b", "-r", f"{name}.raw", path.name], cwd=tmp_path, capture_output=True, text=True,
        check=False, timeout=60,
    )
    assert (tmp_path / f"{name}.raw").exists(), done.stdout + done.stderr
    return raw_plots(tmp_path / f"{name}.raw")


def spiced(text):
    """The deck with tight tolerances, without what a raw file needs not."""
    title, _, rest = text.partition("\n")
    rest = re.sub(r"^\.(print|meas).*\n", "", rest, flags=re.MULTILINE | re.IGNORECASE)
    return f"{title}\n{TIGHT}{rest}"


@pytest.mark.skipif(NGSPICE is None, reason="ngspice is not installed")
@pytest.mark.parametrize("name", [n for n in DECKS if n not in (*OURS_ONLY, "control")])
def test_ngspice_has_the_same_numbers(name, tmp_path):
    original = (FOLDER / f"{name}.cir").read_text()
    expected = run(spiced(original), tmp_path, "original")
    for dialect in ("ngspice",):
        found = run(spiced(read_spice(original).to_spice(dialect)), tmp_path, f"written{dialect}")
        assert [plot for plot, _ in found] == [plot for plot, _ in expected]
        for (plot, one), (_, two) in zip(expected, found, strict=True):
            assert len(one) > 1
            axis = next(iter(one))
            for vector, values in one.items():
                if vector not in two:  # currents of sources that ngspice makes itself
                    assert re.search(r"#|_int|^i.[ab]|\$", vector), (plot, vector)
                    continue
                if vector == "frequency":  # whose imaginary part ngspice leaves as it is
                    np.testing.assert_allclose(two[vector].real, values.real, rtol=1e-12)
                    continue
                got = two[vector]
                scale = np.abs(values).max() + 1e-12
                if len(got) != len(values):  # other time steps
                    got = np.interp(one[axis].real, two[axis].real, got.real)
                    wrong = np.abs(got - values) > 2e-3 * scale  # but at jumps
                    assert wrong.mean() < 0.03, (plot, vector)
                else:
                    assert np.abs(got - values).max() < 1e-6 * scale, (plot, vector)


@pytest.mark.skipif(NGSPICE is None, reason="ngspice is not installed")
def test_what_ngspice_lacks_is_written_otherwise(tmp_path):
    circuit = read_spice(FOLDER / "dialect.cir")
    ((_, found),) = run(spiced(circuit.to_spice("ngspice")), tmp_path, "dialect")
    t, a = found["time"], found["v(a)"]
    probes = {("v", "a", "0"): a, ("i", "v1"): found["i(v1)"]}
    for node, value in (("b", circuit["e1"].value), ("c", circuit["b1"].get("v")), ("f", circuit["h1"].value)):
        expected = value.evaluate(None, [probes[p] for p in value.probes])
        np.testing.assert_allclose(found[f"v({node})"], expected, atol=1e-6)
    e = circuit["f1"].value
    flow = e.evaluate(None, [probes[p] for p in e.probes])
    np.testing.assert_allclose(found["v(e)"], -1e3 * -flow, atol=1e-6)
    turn = 2 * np.pi * 1e3
    np.testing.assert_allclose(found["v(d)"], 0.25 + 2 * (1 - np.cos(turn * t)) / turn, atol=2e-6)


@pytest.mark.skipif(NGSPICE is None, reason="ngspice is not installed")
def test_memristors_in_ngspice(tmp_path):
    from crossbarsim.devices import LinearIonDrift

    circuit = read_spice(FOLDER / "memristor.cir")
    text = re.sub(r"(Xn.N1 )a (0 .*)", r"\1am \2\nVm a am 0", circuit.to_spice("ngspice"))
    ((_, found),) = run(spiced(text), tmp_path, "memristor")
    t = found["time"]
    device = LinearIonDrift()
    grid = np.linspace(0, t[-1], 4001)
    expected = device.simulate(grid, np.sin(2e3 * np.pi * grid), conductance=1e-3).current
    got = np.interp(grid, t, found["i(vm)"])
    assert np.abs(got - expected).max() < 2e-3 * np.abs(expected).max()
    assert np.ptp(found["v(xn.n1.s_x)"]) > 1e-3  # it moves


@pytest.mark.skipif(NGSPICE is None, reason="ngspice is not installed")
@pytest.mark.parametrize("dialect", ["", "ngspice"])
def test_steps_in_ngspice(tmp_path, dialect):
    deck = read_spice(FOLDER / "steps.cir").to_spice(dialect).replace("\nrun", "\nrun\nprint v(b)")
    (tmp_path / "steps.cir").write_text(deck)
    done = subprocess.run([NGSPICE, "-b", "steps.cir"], cwd=tmp_path, capture_output=True, text=True,
                          check=False, timeout=60)
    found = [float(v) for v in re.findall(r"^v\(b\) = (\S+)", done.stdout, flags=re.MULTILINE)]
    np.testing.assert_allclose(found, [1.0, 2 / 3, 0.5], rtol=1e-6)


@pytest.mark.skipif(NGSPICE is None, reason="ngspice is not installed")
@pytest.mark.parametrize(("name", "rtol"), [("ekv", 2e-6), ("ekv_inverter", 5e-3)])
def test_ekv_transistors_in_ngspice(tmp_path, name, rtol):
    """Against our own engine, which is the only other one that has them."""
    circuit = read_spice(FOLDER / f"{name}.cir")
    ((_, found),) = run(spiced(circuit.to_spice("ngspice")), tmp_path, name)
    (ours,) = Solver().run(circuit)
    for vector in ("v(b)", "i(vdd)") if name == "ekv_inverter" else ("i(vd)", "i(vs)", "i(vd1)", "i(vp)"):
        expected = np.ravel(np.asarray(ours[vector]))
        got = found[vector]
        if name == "ekv_inverter":
            got = np.interp(np.asarray(ours["time"]), found["time"], got)
        scale = np.abs(expected).max()
        if vector == "i(vdd)":  # spikes: their charge
            t = np.asarray(ours["time"])
            charge = [np.sum(np.diff(t) * (i[1:] + i[:-1]) / 2) for i in (got, expected)]
            assert charge[0] == pytest.approx(charge[1], rel=1e-2)
            continue
        assert np.abs(got - expected).max() < rtol * scale, vector
