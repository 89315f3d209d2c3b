"""Curves, admittances and conductances of single devices against ngspice.

Currents agree to 1e-6 of the largest terminal current plus 1e-14 ampere, at which both stop
iterating. Admittances agree to 1e-6 where ngspice's derivatives are exact. Where they are not (the
bias-dependent base resistance, recombination, levels 2 and 3, body effect in forward bias) ours
are held against differences of ngspice's own currents, and capacitances against its .ac.
"""

import numpy as np
import pytest

from tests.helpers.bench import Bench, needs_ngspice
from tests.helpers.cards import (
    BIPOLAR,
    DIODE,
    GEOMETRY,
    HALVING,
    JFET,
    JFET2,
    JFET2_SLOW,
    MOS,
    VDMOS,
    VDMOS_QUASI,
    complement,
)

pytestmark = needs_ngspice
HOT_AND_COLD = (27.0, -40.0, 125.0)
FLOOR = 1e-8  # ampere, times the tolerance


@pytest.mark.parametrize("celsius", HOT_AND_COLD)
@pytest.mark.parametrize("card", [
    {}, DIODE, {"n": 1.2, "ikf": 1e-3, "ikr": 1e-9}, {"isr": 1e-10, "nr": 1.8}, {"bv": 4.0, "is": 1e-9, "ibv": 1e-12},
], ids=["default", "all", "knees", "recombination", "ibv below is"])
def test_diode_curve(card, celsius, tmp_path):
    bench = Bench("d", "ak", "d", celsius=celsius, own={"area": 2.0, "pj": 3.0}, **card)
    error, ours, _ = bench.compare(tmp_path, {"a": (-6.5, 1.0, 76)}, floor=FLOOR)
    assert error < 1e-6
    assert ours[:, 0].max() > 1e-3


@pytest.mark.parametrize("volts", [-5.0, -1.0, 0.3, 0.75])
def test_diode_admittance(volts, tmp_path):
    bench = Bench("d", "ak", "d", own={"area": 2.0, "pj": 3.0}, celsius=60.0, **DIODE)
    ours, theirs = bench.admittance({"a": volts}, "a"), bench.reference_admittance(tmp_path, {"a": volts}, "a")
    assert np.allclose(ours, theirs, rtol=1e-8, atol=0)


@pytest.mark.parametrize("celsius", HOT_AND_COLD)
@pytest.mark.parametrize("kind", ["npn", "pnp"])
@pytest.mark.parametrize("card", [{}, BIPOLAR, HALVING, {"iss": 1e-15, "ns": 1.1}], ids=["default", "all", "irb", "iss"])
def test_bipolar_curves(card, kind, celsius, tmp_path):
    s = 1.0 if kind == "npn" else -1.0
    bench = Bench("q", "cbes", kind, celsius=celsius, own={"m": 3.0}, **card)
    sweeps = {"c": (-1.0 * s, 5.0 * s, 25), "b": (-0.5 * s, 0.9 * s, 15)}
    assert bench.compare(tmp_path, sweeps, {"s": -1.0 * s}, floor=FLOOR)[0] < 1e-6


@pytest.mark.parametrize("kind", ["npn", "pnp"])
@pytest.mark.parametrize(("vb", "vc"), [(0.7, 2.0), (0.75, 0.1), (-0.3, 1.0), (0.1, -0.7)])
def test_bipolar_admittance(kind, vb, vc, tmp_path):
    s = 1.0 if kind == "npn" else -1.0
    bench = Bench("q", "cbes", kind, celsius=60.0, own={"m": 3.0}, **BIPOLAR)
    volts = {"b": vb * s, "c": vc * s, "s": -0.5 * s}
    for driven in "bcs":
        ours, theirs = bench.admittance(volts, driven), bench.reference_admittance(tmp_path, volts, driven)
        # ngspice leaves the substrate junction's conductance out of .ac: 3e-15 siemens
        assert np.abs(ours - theirs).max() < 1e-7 * np.abs(theirs).max()


def test_area_of_a_saturated_transistor(tmp_path):
    # ngspice 39 scales the collector's saturation current by the area twice: a transistor with
    # area 2 delivers current at vce = 0; ours does only when asked
    sweeps = {"c": (-0.5, 0.5, 11), "b": (0.6, 0.7, 2)}
    asked = Bench("q", "cbes", "npn", own={"area": 2.0}, compat="ngspice", **BIPOLAR)
    assert asked.compare(tmp_path, sweeps, floor=FLOOR)[0] < 1e-6
    plain = Bench("q", "cbes", "npn", own={"area": 2.0}, **{**BIPOLAR, "re": 0.0, "rc": 0.0, "rb": 0.0})
    (ic, ib, ie, _), = plain.curves({"c": (0.0, 0.0, 1)}, {"b": 0.7})[0]
    single = Bench("q", "cbes", "npn", **{**BIPOLAR, "re": 0.0, "rc": 0.0, "rb": 0.0}).curves({"c": (0.0, 0.0, 1)}, {"b": 0.7})[0]
    assert np.allclose([ic, ib, ie], 2 * single[0, :3], rtol=1e-8)
    assert plain.compare(tmp_path, sweeps)[0] > 0.1


def test_current_of_a_bias_dependent_base_resistance(tmp_path):
    # ngspice's .ac has no derivative of the base resistance: differences of its currents have
    volts, h = {"b": 0.78, "c": 1.5}, 1e-4
    bench = Bench("q", "cbes", "npn", **{**HALVING, "tf": 0.0})
    theirs, _ = bench.reference(tmp_path, {"b": (volts["b"] - h, volts["b"] + h, 3)}, {"c": volts["c"]})
    slope = (theirs[2] - theirs[0]) / (2 * h)
    ours = bench.admittance(volts, "b", 1.0).real
    assert np.abs(ours - slope)[:3].max() < 3e-6 * np.abs(slope).max()
    wrong = bench.reference_admittance(tmp_path, volts, "b", 1.0).real
    assert np.abs(wrong - slope)[:3].max() > 1e-3 * np.abs(slope).max()


@pytest.mark.parametrize("celsius", HOT_AND_COLD)
@pytest.mark.parametrize("kind", ["njf", "pjf"])
@pytest.mark.parametrize("card", [{}, JFET, {**JFET, "b": 1.0}], ids=["default", "all", "b=1"])
def test_jfet(card, kind, celsius, tmp_path):
    s = 1.0 if kind == "njf" else -1.0
    bench = Bench("j", "dgs", kind, celsius=celsius, own={"area": 2.0, "m": 3.0}, **card)
    assert bench.compare(tmp_path, {"d": (-4 * s, 5 * s, 25), "g": (-3 * s, 0.7 * s, 15)}, floor=FLOOR)[0] < 1e-6
    for vg, vd in ((-0.7, 2.0), (-0.5, 0.1), (0.1, -0.7)):
        volts = {"g": vg * s, "d": vd * s}
        ours, theirs = bench.admittance(volts, "g"), bench.reference_admittance(tmp_path, volts, "g")
        assert np.abs(ours - theirs).max() < 1e-9 * np.abs(theirs).max()


@pytest.mark.parametrize("kind", ["njf", "pjf"])
@pytest.mark.parametrize("card", [{}, JFET2, JFET2_SLOW], ids=["default", "all", "slow"])
def test_jfet_of_level_2(card, kind, tmp_path):
    s = 1.0 if kind == "njf" else -1.0
    bench = Bench("j", "dgs", kind, 2, celsius=80.0, own={"area": 2.0, "m": 3.0}, **card)
    # ngspice cuts the current off at e^-10 below the threshold, 1e-13 ampere
    assert bench.compare(tmp_path, {"d": (-4 * s, 5 * s, 25), "g": (-3 * s, 0.7 * s, 15)}, floor=1e-6)[0] < 1e-6
    for vg, vd in ((-0.7, 2.0), (-0.5, 0.1), (0.1, -0.7)) if "taug" not in card else ():
        volts = {"g": vg * s, "d": vd * s}
        for driven in "gd":
            ours, theirs = bench.admittance(volts, driven), bench.reference_admittance(tmp_path, volts, driven)
            assert np.abs(ours - theirs).max() < 1e-9 * np.abs(theirs).max()


@pytest.mark.parametrize("celsius", HOT_AND_COLD)
@pytest.mark.parametrize("kind", ["vdmosn", "vdmosp"])
@pytest.mark.parametrize("card", [{}, VDMOS, VDMOS_QUASI], ids=["default", "all", "quasi-saturation"])
def test_vdmos_curves(card, kind, celsius, tmp_path):
    s = 1.0 if kind == "vdmosn" else -1.0
    bench = Bench("m", "dgs", kind, celsius=celsius, own={"m": 3.0}, compat="ngspice", **(card if s > 0 else complement(card)))
    # reverse conduction with its signed lambda and theta, and breakdown
    assert bench.compare(tmp_path, {"d": (-s, 13.0 * s, 57), "g": (-s, 6.0 * s, 8)}, floor=FLOOR)[0] < 1e-6


@pytest.mark.parametrize("kind", ["vdmosn", "vdmosp"])
def test_vdmos_admittances(kind, tmp_path):
    s = 1.0 if kind == "vdmosn" else -1.0
    card = VDMOS if s > 0 else complement(VDMOS)
    bench = Bench("m", "dgs", kind, celsius=60.0, **{**card, "rds": 1e15})  # which ngspice's .ac leaves out
    for vg, vd in ((3.0, 5.0), (3.0, 0.2), (0.2, 3.0), (-2.0, 1.0)):
        for driven in "gd":
            volts = {"g": vg * s, "d": vd * s}
            ours, theirs = bench.admittance(volts, driven), bench.reference_admittance(tmp_path, volts, driven)
            # ngspice's slope of the body diode's current in reverse is not that of its cube
            assert np.abs(ours - theirs).max() < 1e-7 * np.abs(theirs).max()


def test_vdmos_conductance_of_reverse_conduction(tmp_path):
    # the .ac of ngspice has another sign of lambda in its gds than its current: against differences
    volts, h = {"g": 3.0, "d": -0.4}, 1e-3
    bench = Bench("m", "dgs", "vdmosn", **{**VDMOS_QUASI, "lambda": 0.2})
    i, _ = bench.reference(tmp_path, {"d": (volts["d"] - 2 * h, volts["d"] + 2 * h, 5)}, {"g": volts["g"]})
    slope = (8 * (i[3] - i[1]) - (i[4] - i[0])) / (12 * h)
    assert np.abs(bench.admittance(volts, "d", 1e-3).real - slope).max() < 1e-6 * np.abs(slope).max()


def test_vdmos_copies(tmp_path):
    # ngspice 39 does not multiply the gate's capacitances; ours are left alone only when asked
    volts, own = {"g": 1.0, "d": 2.0}, {"m": 4.0}
    asked = Bench("m", "dgs", "vdmosn", own=own, compat="ngspice", **{**VDMOS, "rds": 1e15})
    theirs = asked.reference_admittance(tmp_path, volts, "g")
    assert np.abs(asked.admittance(volts, "g") - theirs).max() < 1e-9 * np.abs(theirs).max()
    many, one = (Bench("m", "dgs", "vdmosn", own=o, **VDMOS).admittance(volts, "g") for o in (own, {}))
    assert np.allclose(many, 4 * one, rtol=1e-6)


def transistor(level, name, kind, celsius=27.0, own=None, **changes):
    card = {**MOS[level, name], **changes}
    return Bench("m", "dgsb", kind, level, celsius=celsius, own={**GEOMETRY, **(own or {})},
                 **(card if kind == "nmos" else complement(card)))


@pytest.mark.parametrize("celsius", [27.0, 110.0])
@pytest.mark.parametrize("kind", ["nmos", "pmos"])
@pytest.mark.parametrize(("level", "name"), MOS)
def test_mos_curves(level, name, kind, celsius, tmp_path):
    s = 1.0 if kind == "nmos" else -1.0
    bench = transistor(level, name, kind, celsius, {} if MOS[level, name].get("delta") else {"m": 2.0})
    output = {"d": (-3.0 * s, 5.0 * s, 33), "g": (-1.0 * s, 4.0 * s, 11)}
    transfer = {"g": (-1.0 * s, 4.0 * s, 41), "b": (-3.0 * s, 0.3 * s, 4)}
    # ngspice has no current at all below vds = 1e-10, which rounding around 0 shows: 1e-13 ampere
    assert bench.compare(tmp_path, output, {"b": -1.0 * s}, floor=1e-7)[0] < 1e-6
    assert bench.compare(tmp_path, transfer, {"d": 0.3 * s}, floor=FLOOR)[0] < 1e-6


POINTS = [(2.0, 3.0, -1.0), (2.0, 0.3, -0.2), (0.3, 1.0, -0.5), (-2.0, 1.0, 0.0), (2.0, -1.0, -1.5), (-0.1, 0.4, -0.3)]


@pytest.mark.parametrize(("level", "name", "kind"), [
    # ngspice leaves level 6 out of .ac
    *((*key, "nmos") for key in MOS if key[0] != 6), (1, "plain", "pmos"), (3, "fast", "pmos")])
def test_mos_capacitances(level, name, kind, tmp_path):
    s = 1.0 if kind == "nmos" else -1.0
    changes = {"rsh": 0.0} if "rsh" in MOS[level, name] else {}
    bench = transistor(level, name, kind, 60.0, **changes)
    for vg, vd, vb in POINTS:
        volts = {"g": vg * s, "d": vd * s, "b": vb * s}
        for driven in "gd":
            ours = bench.admittance(volts, driven).imag
            theirs = bench.reference_admittance(tmp_path, volts, driven).imag
            assert np.abs(ours - theirs).max() < 1e-7 * np.abs(theirs).max()


@pytest.mark.parametrize(("level", "name"), MOS)
def test_mos_conductances(level, name, tmp_path):
    # against differences of ngspice's currents: its own gm and gds are approximations
    h = 1e-3
    bench = transistor(level, name, "nmos", **({"rsh": 0.0} if "rsh" in MOS[level, name] else {}))
    for vg, vd, vb in POINTS[:3]:
        volts = {"g": vg, "d": vd, "b": vb}
        for driven in ("gdb" if vb > -0.9 else "gd"):
            middle = volts[driven]
            fixed = {k: v for k, v in volts.items() if k != driven}
            i, _ = bench.reference(tmp_path, {driven: (middle - 2 * h, middle + 2 * h, 5)}, fixed)
            slope = (8 * (i[3] - i[1]) - (i[4] - i[0])) / (12 * h)
            ours = bench.admittance(volts, driven, 1e-3).real
            assert np.abs(ours - slope).max() < 1e-6 * np.abs(slope).max() + 1e-11 + 1e-9 * np.abs(i).max() / h


def test_parallel_level_2_with_a_narrow_channel(tmp_path):
    # ngspice 39 divides the narrow-channel effect by m; ours does only when asked
    sweeps, fixed = {"d": (0.0, 3.0, 7), "g": (1.0, 3.0, 3)}, {"b": -1.0}
    bench = transistor(2, "weak", "nmos", own={"m": 2.0})
    single = transistor(2, "weak", "nmos")
    bench.compat = "ngspice"
    assert bench.compare(tmp_path, sweeps, fixed, floor=FLOOR)[0] < 1e-6
    bench.compat = ""
    assert bench.compare(tmp_path, sweeps, fixed, floor=FLOOR)[0] > 0.005
    card = {"rsh": 0.0}
    two, one = transistor(2, "weak", "nmos", own={"m": 2.0}, **card), transistor(2, "weak", "nmos", **card)
    assert np.allclose(two.curves(sweeps, fixed)[0], 2 * one.curves(sweeps, fixed)[0], rtol=1e-6, atol=1e-13)
    assert single.compare(tmp_path, sweeps, fixed, floor=FLOOR)[0] < 1e-6


SHOWN = [
    (Bench("d", "ak", "d", **DIODE), {"a": 0.7}, ("vd", "id", "gd", "cd", "charge")),
    (Bench("q", "cbes", "npn", **BIPOLAR), {"c": 2.0, "b": 0.8, "s": -1.0},
     ("ic", "ib", "ie", "vbe", "vbc", "gm", "go", "gpi", "gmu", "gx", "cpi", "cmu", "cbx", "csub")),
    (Bench("q", "cbes", "pnp", **BIPOLAR), {"c": -2.0, "b": -0.8, "s": 1.0}, ("ic", "ib", "ie", "vbe", "vbc", "gm", "csub")),
    (Bench("j", "dgs", "pjf", **JFET), {"d": -3.0, "g": 0.5}, ("vgs", "vgd", "id", "ig", "is", "gm", "gds", "ggs", "ggd")),
    (transistor(1, "plain", "nmos"), {"d": 2.0, "g": 2.0, "b": -1.0},
     ("id", "is", "ib", "gm", "gds", "gmbs", "cgs", "cgd", "cgb", "cbd", "cbs", "von", "vdsat", "vgs", "vds", "vbs", "ibd", "gbd")),
    (transistor(3, "weak", "pmos"), {"d": -2.0, "g": -2.0, "b": 0.5},
     ("id", "is", "cgs", "cgd", "cgb", "cbd", "von", "vdsat", "vgs", "vds", "vbs")),
]


@pytest.mark.parametrize(("bench", "volts", "names"), SHOWN, ids=lambda v: v.kind if isinstance(v, Bench) else "")
def test_quantities(bench, volts, names, tmp_path):
    driven = next(iter(volts))
    sweep = {driven: (volts[driven], volts[driven] + 0.01, 2)}
    fixed = {k: v for k, v in volts.items() if k != driven}
    ours, theirs = bench.curves(sweep, fixed, names)[1], bench.reference(tmp_path, sweep, fixed, names)[1]
    dynamic = [k for k, n in enumerate(names) if n not in ("cd", "charge", "cgs", "cgd", "cgb", "cbd", "cbs", "cpi", "cmu", "cbx", "csub")]
    assert np.allclose(ours[0, dynamic], theirs[0, dynamic], rtol=1e-6, atol=1e-14)


@pytest.mark.parametrize(("bench", "sweeps", "fixed"), [
    (Bench("d", "ak", "d", celsius=80.0, options={"tnom": 50.0}, **DIODE), {"a": (-6.5, 1.0, 31)}, {}),
    (Bench("d", "ak", "d", celsius=80.0, options={"tnom": 50.0}, tnom=10.0, **DIODE), {"a": (-6.5, 1.0, 31)}, {}),
    (Bench("q", "cbes", "npn", own={"temp": 90.0}, options={"tnom": 50.0}, **BIPOLAR), {"c": (-1.0, 5.0, 13), "b": (-0.5, 0.9, 8)}, {}),
    (Bench("q", "cbes", "npn", **{**BIPOLAR, "ise": 100.0, "nkf": 0.7}), {"c": (-1.0, 5.0, 13), "b": (-0.5, 0.9, 8)}, {}),
    (Bench("q", "cbes", "pnp", own={"area": 2.0, "areab": 2.0, "areac": 3.0}, compat="ngspice", **BIPOLAR),
     {"c": (1.0, -5.0, 13), "b": (0.5, -0.9, 8)}, {}),
    (Bench("j", "dgs", "njf", celsius=80.0, options={"tnom": 50.0}, **JFET), {"d": (-4.0, 5.0, 10), "g": (-3.0, 0.7, 6)}, {}),
    *((Bench("m", "dgsb", "pmos", level, celsius=80.0, options={"tnom": 50.0}, own=GEOMETRY, **complement(MOS[level, "process"])),
       {"d": (3.0, -5.0, 17), "g": (1.0, -4.0, 6)}, {"b": 1.0}) for level in (1, 2, 3)),
    *((Bench("m", "dgsb", "nmos", level, celsius=80.0, own=GEOMETRY, **{**MOS[level, "process"], "tpg": tpg}),
       {"d": (-3.0, 5.0, 17), "g": (-1.0, 4.0, 6)}, {"b": -1.0}) for level, tpg in ((1, -1.0), (2, 0.0), (3, -1.0))),
    (Bench("m", "dgsb", "nmos", 1, options={"defl": 3e-6, "defw": 7e-6}, **MOS[1, "plain"]), {"d": (-3.0, 5.0, 17), "g": (1.0, 4.0, 4)}, {}),
], ids=["d option tnom", "d card tnom", "q temp", "q ise, nkf", "q areas", "j tnom", "m1", "m2", "m3", "tpg -1", "tpg 0", "tpg -1 ", "defl"])
def test_options_and_temperatures(bench, sweeps, fixed, tmp_path):
    assert bench.compare(tmp_path, sweeps, fixed, floor=1e-7)[0] < 1e-6


def test_excess_phase_at_low_frequency(tmp_path):
    # a filter here, an ideal delay there: they part with the square of the phase
    bench, volts = Bench("q", "cbes", "npn", **{**BIPOLAR, "ptf": 30.0}), {"b": 0.75, "c": 2.0}
    errors = []
    for hertz in (1e7, 1e8):
        ours, theirs = bench.admittance(volts, "b", hertz), bench.reference_admittance(tmp_path, volts, "b", hertz)
        errors.append(np.abs(ours - theirs).max() / np.abs(theirs).max())
    plain = Bench("q", "cbes", "npn", **BIPOLAR).admittance(volts, "b", 1e8)
    assert errors[0] < 3e-5
    assert errors[1] < 3e-3
    assert np.abs(plain - theirs).max() > 0.02 * np.abs(theirs).max()
