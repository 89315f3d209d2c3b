"""Access transistors against textbook values and the cards that their presets name."""

import numpy as np
import pytest

from crossbarsim import EKV, Circuit, Level1, ParameterError, Solver

# threshold (V), oxide (m), mobility (m^2/Vs), body factor (V^0.5), length (m)
CARDS = {
    "ptm_180nm": (0.3999, 4.0e-9, 0.035, 0.5, 180e-9),
    "ptm_130nm": (0.3782, 2.25e-9, 0.05928, 0.4, 130e-9),
    "ptm_65nm": (0.429, 1.85e-9, 0.04861, 0.497, 65e-9),
    "ptm_45nm": (0.3423, 0.9e-9, 0.02947, 0.2, 45e-9),
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


@pytest.mark.parametrize("kind", [EKV, Level1])
@pytest.mark.parametrize("name", CARDS)
def test_presets_are_the_cards(kind, name):
    threshold, oxide, mobility, body, length = CARDS[name]
    fet = kind.preset(name, width=1e-6)
    assert (fet.v_t0 if kind is EKV else fet.v_to) == threshold
    assert fet.k_p == pytest.approx(mobility * 3.9 * 8.8541878128e-12 / oxide, rel=1e-9)
    assert (fet.length, fet.width) == (length, 1e-6)
    if kind is Level1:
        assert fet.gamma == body
    assert name[4:] in kind.sources[name]
    assert float(fet.current(1.0, 0.0, 1.0)) > 1e-5


@pytest.mark.parametrize("kind", [EKV, Level1])
def test_currents_rise_with_every_drive(kind):
    fet = kind.preset("ptm_130nm")
    v = np.linspace(0.0, 1.5, 40)
    assert np.all(np.diff(fet.current(v, 0.0, 1.2)) >= 0)
    assert np.all(np.diff(fet.current(1.2, 0.0, v)) >= 0)
    assert np.all(fet.current(v, 0.0, 1.0) * v >= 0)


@pytest.mark.parametrize(("wrong", "what"), [
    (lambda: EKV(vt0=0.4), "EKV has no parameter `vt0`; did you mean 'v_t0'"),
    (lambda: EKV(width=-1e-6), "`width` = -1e-06 m: must be 0 < width"),
    (lambda: Level1.preset("ptm_130"), "no preset 'ptm_130'; did you mean 'ptm_130nm'"),
    (lambda: Level1().current(np.nan, 0.0, 1.0), "`vd`"),
])
def test_wrong_input_is_refused_by_name(wrong, what):
    with pytest.raises(ParameterError, match=what):
        wrong()
