"""Access transistors against textbook values and the cards that their presets name."""

import numpy as np
import pytest

from crossbarsim import EKV, Circuit, Level1, ParameterError, Solver

UT = 1.380649e-23 * 300.15 / 1.602176634e-19

# drain currents of ngspice's BSIM3 (180 nm) and BSIM4 for the Predictive Technology Model's full
# NMOS cards, w = 2 um: (vg, vd, vs, ampere), source and drain against the body
CARDS = {
    "ptm_180nm": (
        (1.8, 1.8, 0, 0.001476), (1.8, 0.1, 0, 0.0002752), (1.8, 0.9, 0, 0.00131),
        (1.35, 1.8, 0, 0.000994), (1.35, 0.1, 0, 0.0002337), (1.08, 0.9, 0, 0.0005743),
        (1.8, 0.5, 0.4, 0.000225), (1.8, 0.3, 0.2, 0.0002534), (1.8, 1.8, 0.2, 0.001194),
        (1.62, 1.8, 0.1, 0.001144), (0.3, 0.1, 0, 3.398e-07), (0.3, 1.8, 0, 6.16e-06),
        (0.2, 0.9, 0, 1.2e-07), (0.4, 0.1, 0, 3.405e-06), (0.1, 1.8, 0, 3.839e-08),
        (0.6, 0.8, 0.4, 7.165e-09),
        # where the preset is furthest off, of a grid of 21371 points
        (0.625, 0.051, 0.05, 6.172e-07), (0.7, 0.8, 0, 0.0001868), (1, 0.001, 0, 1.998e-06),
        (0.325, 1.8, 0.4, 1.013e-11), (0.6, 1.8, 0.6, 2.79e-11),
    ),
    "ptm_130nm": (
        (1.5, 1.5, 0, 0.002433), (1.5, 0.1, 0, 0.0006111), (1.5, 0.75, 0, 0.002208),
        (1.125, 1.5, 0, 0.001686), (1.125, 0.1, 0, 0.0005374), (0.9, 0.75, 0, 0.001062),
        (1.5, 0.5, 0.4, 0.0004891), (1.5, 0.3, 0.2, 0.0005613), (1.5, 1.5, 0.2, 0.001891),
        (1.35, 1.5, 0.1, 0.001864), (0.3, 0.1, 0, 8.823e-06), (0.3, 1.5, 0, 6.287e-05),
        (0.2, 0.75, 0, 3.123e-06), (0.4, 0.1, 0, 5.113e-05), (0.1, 1.5, 0, 1.112e-06),
        (0.6, 0.8, 0.4, 1.776e-07),
    ),
    "ptm_65nm": (
        (1.2, 1.2, 0, 0.00264), (1.2, 0.1, 0, 0.0007592), (1.2, 0.6, 0, 0.002306),
        (0.9, 1.2, 0, 0.00178), (0.9, 0.1, 0, 0.0006373), (0.72, 0.6, 0, 0.0009793),
        (1.2, 0.5, 0.4, 0.0004754), (1.2, 0.3, 0.2, 0.0006579), (1.2, 1.2, 0.2, 0.001837),
        (1.08, 1.2, 0.1, 0.001895), (0.3, 0.1, 0, 7.527e-06), (0.3, 1.2, 0, 9.359e-05),
        (0.2, 0.6, 0, 3.473e-06), (0.4, 0.1, 0, 4.894e-05), (0.1, 1.2, 0, 1.918e-06),
        (0.6, 0.8, 0.4, 2.273e-07),
    ),
    "ptm_45nm": (
        (1, 1, 0, 0.002667), (1, 0.1, 0, 0.0007803), (1, 0.5, 0, 0.002247),
        (0.75, 1, 0, 0.001627), (0.75, 0.1, 0, 0.0005984), (0.6, 0.5, 0, 0.0006766),
        (1, 0.5, 0.4, 0.0001859), (1, 0.3, 0.2, 0.0005959), (1, 1, 0.2, 0.001509),
        (0.9, 1, 0.1, 0.00167), (0.3, 0.1, 0, 3.384e-06), (0.3, 1, 0, 5.16e-05),
        (0.2, 0.5, 0, 1.206e-06), (0.4, 0.1, 0, 2.936e-05), (0.1, 1, 0, 5.653e-07),
        (0.6, 0.8, 0.4, 8.791e-08),
    ),
}


def test_ekv_is_symmetric():
    rng = np.random.default_rng(0)
    vd, vs, vg = rng.uniform(-0.2, 1.8, (3, 50))
    fet = EKV()
    np.testing.assert_allclose(fet.current(vd, vs, vg), -fet.current(vs, vd, vg), rtol=1e-12)
    np.testing.assert_array_equal(fet.current(vs, vs, vg), np.zeros(50))


def test_ekv_weak_inversion_slope():
    fet = EKV(v_t0=0.45, kappa=0.7)
    low, high = fet.current(1.0, 0.0, [0.05, 0.15])
    decade = 0.1 / np.log10(high / low)
    assert decade == pytest.approx(fet.u_t * np.log(10) / 0.7, rel=1e-2)  # 85 mV per decade
    vds = fet.current([0.02585, 1.0], 0.0, 0.05)
    assert vds[0] / vds[1] == pytest.approx(1 - np.exp(-1), rel=1e-2)


def test_ekv_strong_inversion_limit():
    fet = EKV(width=2e-6, length=1e-6)
    vg = 3.0
    pinch = 0.7 * (vg - 0.45)
    saturated = 0.5 * 300e-6 * 2.0 / 0.7 * pinch**2
    assert float(fet.current(3.0, 0.0, vg)) == pytest.approx(saturated, rel=1e-3)
    linear = 0.5 * 300e-6 * 2.0 / 0.7 * (pinch**2 - (pinch - 0.5) ** 2)
    assert float(fet.current(0.5, 0.0, vg)) == pytest.approx(linear, rel=1e-3)


def test_level1_textbook_values():
    fet = Level1(v_to=0.7, k_p=6e-5, width=10e-6, length=1e-6)
    assert float(fet.current(3.0, 0.0, 2.0)) == pytest.approx(5.07e-4)
    assert float(fet.current(0.5, 0.0, 2.0)) == pytest.approx(3.15e-4)
    assert float(fet.current(3.0, 0.0, 0.7)) == 0.0
    assert float(fet.current(0.0, 3.0, 2.0)) == pytest.approx(-5.07e-4)
    modulated = Level1(lambda_=0.05)
    assert float(modulated.current(3.0, 0.0, 2.0)) == pytest.approx(5.07e-4 * 1.15)


def test_level1_body_effect():
    fet = Level1(gamma=0.5, phi=0.6)
    threshold = 0.7 + 0.5 * (np.sqrt(1.6) - np.sqrt(0.6))
    over = 3.0 - 1.0 - threshold
    assert float(fet.current(4.0, 1.0, 3.0)) == pytest.approx(0.5 * 6e-4 * over**2)


@pytest.mark.parametrize("source", [-0.2, -0.9, -2.0])
def test_level1_below_the_body_is_that_of_circuits(source):
    fet = Level1(gamma=0.5, phi=0.6, lambda_=0.1)
    circuit = Circuit().model("n", "nmos", vto=0.7, kp=6e-5, gamma=0.5, phi=0.6, **{"lambda": 0.1, "is": 0})
    circuit.M("1", "d", "g", "s", 0, "n", w=10e-6, l=1e-6)
    circuit.V("d", "d", 0, 0.4).V("g", "g", 0, 0.9).V("s", "s", 0, source)
    circuit.options(gmin=1e-30)
    found = Solver().operating_point(circuit)["i(vd)"]
    assert float(fet.current(0.4, source, 0.9)) == pytest.approx(-found, rel=1e-9)


@pytest.mark.parametrize("name", CARDS)
def test_presets_carry_the_cards_current(name):
    fet = EKV.preset(name, width=2e-6)
    vg, vd, vs, right = np.array(CARDS[name]).T
    found = fet.current(vd, vs, vg)
    over = vg - fet.v_t0 - vs / fet.kappa > 0.15
    assert over.sum() >= 8
    assert (~over).sum() >= 3
    strong, weak = (float(EKV.sources[name].split(before)[1].split()[0]) for before in
                    ("strong inversion within ", "within a factor "))
    assert strong < 10.0
    assert weak <= 1.5
    assert 100 * np.abs(found / right - 1)[over].max() < strong
    assert np.exp(np.abs(np.log(found / right)))[~over].max() < weak
    assert f"{int(name[4:-2])} nm" in EKV.sources[name]
    assert "strong inversion within" in EKV.sources[name]


@pytest.mark.parametrize("name", CARDS)
def test_level1_says_how_far_it_is_off(name):
    rough = name.replace("ptm", "rough")
    with pytest.raises(ParameterError, match=f"factor .* off that card's current; take '{rough}'.*EKV"):
        Level1.preset(name)
    fet = Level1.preset(rough, width=2e-6)
    vg, vd, vs, right = np.array(CARDS[name]).T
    on = (vg - vs >= 0.55) & (right > 1e-4)
    miss = np.exp(np.abs(np.log(fet.current(vd, vs, vg)[on] / right[on])))
    stated = float(Level1.sources[rough].split("factor ")[1].split(";")[0])
    assert miss.max() < stated
    assert np.median(miss) < 1.45


def test_short_channel_is_symmetric_and_smooth():
    fet = EKV.preset("ptm_130nm")
    rng = np.random.default_rng(0)
    vd, vs, vg = rng.uniform(-0.2, 1.5, (3, 50))
    np.testing.assert_allclose(fet.current(vd, vs, vg), -fet.current(vs, vd, vg), rtol=1e-12)
    h = 1e-5
    for v in (0.0, 0.3):  # drain and source meet
        above, at, below = fet.current([v + h, v, v - h], v, 1.0)
        assert at == 0.0
        assert above / h == pytest.approx(-below / h, rel=1e-3)
    # a long channel is the limit of a high critical voltage, apart from the join of its ends
    drain, gate = [0.05, 1.8], [1.5, 1.0]
    np.testing.assert_allclose(
        EKV(v_crit=1e9).current(drain, 0.0, gate), EKV().current(drain, 0.0, gate), rtol=0.02
    )


def test_short_channel_of_circuits_and_cells():
    for kelvin in (300.15, 380.0):
        fet = EKV.preset("ptm_65nm", width=1e-6, u_t=UT)
        circuit = Circuit().model(
            "n", "nmos", level="ekv", vto=fet.v_t0, kp=fet.k_p, n0=1 / fet.kappa, theta=fet.theta,
            vcrit=fet.v_crit, sigma=fet.sigma, ksource=fet.kappa_s, tcv=fet.tcv, bex=fet.bex,
            **{"lambda": fet.lambda_, "is": 0},
        )
        circuit.M("1", "d", "g", "s", 0, "n", w=1e-6, l=65e-9)
        circuit.V("d", "d", 0, 0.7).V("g", "g", 0, 1.1).V("s", "s", 0, 0.2)
        circuit.options(gmin=1e-30, temp=kelvin - 273.15)
        found = Solver().operating_point(circuit)["i(vd)"]
        assert float(fet.at_temperature(kelvin).current(0.7, 0.2, 1.1)) == pytest.approx(-found, rel=1e-7)


@pytest.mark.parametrize("kind", [EKV, Level1])
def test_currents_rise_with_every_drive(kind):
    fet = kind.preset("ptm_130nm" if kind is EKV else "rough_130nm")
    v = np.linspace(0.0, 1.5, 40)
    assert np.all(np.diff(fet.current(v, 0.0, 1.2)) >= 0)
    assert np.all(np.diff(fet.current(1.2, 0.0, v)) >= 0)
    assert np.all(fet.current(v, 0.0, 1.0) * v >= 0)


@pytest.mark.parametrize(("wrong", "what"), [
    (lambda: EKV(vt0=0.4), "EKV has no parameter `vt0`; did you mean 'v_t0'"),
    (lambda: EKV(width=-1e-6), "`width` = -1e-06 m: must be 0 < width"),
    (lambda: Level1.preset("rough_130"), "no preset 'rough_130'; did you mean 'rough_130nm'"),
    (lambda: Level1().current(np.nan, 0.0, 1.0), "`vd`"),
])
def test_wrong_input_is_refused_by_name(wrong, what):
    with pytest.raises(ParameterError, match=what):
        wrong()
