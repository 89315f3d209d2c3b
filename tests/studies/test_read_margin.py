"""Sneak currents, read margin and read delay."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from crossbarsim import Crossbar, ParameterError, Solver, Wires
from crossbarsim.devices import ExponentialSelector, MiecSelector, StaticSinh
from crossbarsim.studies.plots import (
    plot_read_delay,
    plot_read_margin,
    save_read_delay,
    save_read_margin,
)
from crossbarsim.studies.read_delay import elmore, read_delay, settling_time
from crossbarsim.studies.read_margin import read_ends, read_margin, sneak_resistance

NO_WIRES = Wires()


def one(result, **where):
    table = result.table
    for name, value in where.items():
        table = table[table[name] == value]
    [row] = table.to_dict("records")
    return row


def test_two_by_two_by_hand():
    # the selected cell beside three cells in series
    r_on, r_off = 1e4, 1e6
    row = one(read_margin([2], schemes="floating", wires=NO_WIRES))
    sneak = 1 / (3 * r_on)
    assert row["i_on"] == pytest.approx(1 / r_on + sneak, rel=1e-9)
    assert row["i_off"] == pytest.approx(1 / r_off + sneak, rel=1e-9)
    assert row["margin"] == pytest.approx((1 / r_on - 1 / r_off) / (1 / r_on + sneak), rel=1e-9)
    assert row["power"] == pytest.approx(row["i_on"] * 1.0, rel=1e-9)
    assert sneak_resistance(2, 2, r_on) == pytest.approx(3 * r_on)
    assert sneak_resistance(1, 8, r_on) == np.inf


@pytest.mark.parametrize("size", [3, 10, 33])
def test_sneak_paths_of_any_size(size):
    row = one(read_margin([size], schemes="floating", wires=NO_WIRES))
    assert row["i_off"] == pytest.approx(1e-6 + 1 / sneak_resistance(size, size, 1e4), rel=1e-8)


def test_biased_schemes_by_hand():
    n, g = 9, 1e-4
    result = read_margin([n], wires=NO_WIRES)
    assert one(result, scheme="grounded")["i_on"] == pytest.approx(g)
    assert one(result, scheme="grounded")["margin"] == pytest.approx(0.99)
    assert one(result, scheme="v/2")["i_on"] == pytest.approx(g + (n - 1) * g / 2)
    assert one(result, scheme="v/3")["i_on"] == pytest.approx(g + (n - 1) * g / 3)
    # V/3 drives all other cells: (M-1)(N-1) at V/3, and M-1 + N-1 at V/3
    others = (n - 1) ** 2 + 2 * (n - 1)
    assert one(result, scheme="v/3")["power"] == pytest.approx(g + others * g / 9, rel=1e-9)


@pytest.mark.slow
def test_margin_falls_with_size_and_selectors_restore_it():
    result = read_margin(
        [2, 4, 8, 16], selector={"none": None, "miec": MiecSelector()}, wires=Wires(2.0, 2.0))
    for scheme in ("floating", "v/2", "v/3"):
        by_size = [one(result, scheme=scheme, selector="none", size=n)["margin"]
                   for n in (2, 4, 8, 16)]
        assert (np.diff(by_size) < 0).all()
        assert by_size[-1] < 0.2
        assert one(result, scheme=scheme, selector="miec", size=16)["margin"] > 0.7
    largest = result.largest(0.3).set_index(["selector", "scheme"])["size"]
    assert largest["none", "floating"] == 4
    assert largest["miec", "v/3"] == 16
    assert largest["none", "grounded"] == 16
    assert (result.largest(1.0)["size"] == 0).all()


def test_hrs_pattern_and_wires():
    worst = one(read_margin([8], schemes="floating"))
    best = one(read_margin([8], schemes="floating", pattern="hrs"))
    assert best["margin"] > worst["margin"]
    ideal = one(read_margin([8], schemes="grounded", wires=NO_WIRES))
    lossy = one(read_margin([8], schemes="grounded", wires=Wires(50.0, 50.0)))
    assert lossy["i_on"] < 0.9 * ideal["i_on"]


def test_devices_and_selectors():
    curved = StaticSinh(v_0=0.3)
    # r_on, r_off are at the device's own read voltage
    row = one(read_margin([2], schemes="grounded", device=curved, wires=NO_WIRES))
    v = 1.0
    scale = curved.read_voltage / np.sinh(curved.read_voltage / 0.3) / 0.3
    assert row["i_on"] == pytest.approx(1e-4 * scale * 0.3 * np.sinh(v / 0.3), rel=1e-6)
    only = read_margin([2], schemes="v/2", selector=ExponentialSelector())
    assert only.table["selector"].tolist() == ["exponential_selector"]


def test_settling_time():
    t = np.array([0.0, 1.0, 2.0, 3.0])
    assert settling_time(t, np.array([0.0, 0.5, 1.0, 1.0]), 1.0, 0.1) == pytest.approx(1.8)
    assert settling_time(t, np.array([0.0, 1.5, 1.0, 1.0]), 1.0, 0.1) == pytest.approx(1.8)
    assert settling_time(t, np.array([1.0, 1.0, 1.0, 1.0]), 1.0, 0.1) == 0.0
    assert settling_time(t, np.array([0.0, 0.0, 0.0, 0.5]), 1.0, 0.1) is None


def ladder(size, g, r, c):
    """A whole array of word and bit lines as one linear circuit, integrated by Radau."""
    n = size * size
    A = np.zeros((2 * n, 2 * n))
    source = np.zeros(2 * n)

    def join(p, q, siemens):
        A[p, p] += siemens
        A[q, q] += siemens
        A[p, q] -= siemens
        A[q, p] -= siemens

    for i in range(size):
        for j in range(size):
            word, bit = i * size + j, n + i * size + j
            join(word, bit, g)
            if j:
                join(word, word - 1, 1 / r)
            else:
                A[word, word] += 1 / r
                source[word] = 1 / r if i == 0 else 0.0
            if i:
                join(bit, bit - size, 1 / r)
            if i == size - 1:
                A[bit, bit] += 1 / r
    return A / c, source / c, lambda y: y[-1] / r


@pytest.mark.slow
def test_delay_against_an_independent_integrator():
    size, g, r, c, v = 4, 1e-4, 40.0, 1e-15, 0.1
    wires = Wires(r, r, word_capacitance=c, bit_capacitance=c)
    found = read_delay([size], resistance=1 / g, wires=wires, read_voltage=v, rtol=1e-6)
    A, b, current = ladder(size, g, r, c)
    rise = 1e-3 * elmore(size, wires)
    stop = 10 * elmore(size, wires)
    t = np.linspace(0, stop, 20001)
    y = solve_ivp(lambda s, y: b * v * min(s / rise, 1.0) - A @ y, (0, stop), np.zeros(len(b)),
                  method="Radau", t_eval=t, rtol=1e-9, atol=1e-14, max_step=stop / 100).y
    final = current(np.linalg.solve(A, b * v))
    assert found.table["current"][0] == pytest.approx(final, rel=1e-8)
    expected = settling_time(t, current(y), final, 0.01)
    assert found.table["delay"][0] == pytest.approx(expected, rel=0.01)
    time, wave = found.waves[0]
    assert np.allclose(np.interp(time, t, current(y)), wave, atol=2e-3 * final)


def test_elmore_and_delay_grow_with_the_square_of_the_size():
    wires = Wires(1.0, 2.0, driver=5.0, word_capacitance=1e-15, bit_capacitance=3e-15)
    by_hand = sum((5.0 + k) * 1e-15 for k in (1, 2, 3)) + sum(2.0 * k * 3e-15 for k in (1, 2, 3))
    assert elmore(3, wires) == pytest.approx(by_hand)
    table = read_delay([4, 8, 16], settle=0.1).table
    assert (np.diff(table["delay"]) > 0).all()
    # cells hardly load 1 ohm segments: a fixed multiple of the lines' Elmore delay
    ratio = (table["delay"] / table["elmore"]).to_numpy()
    assert ratio.max() / ratio.min() < 1.3
    assert 0.7 < ratio[-1] < 3


def test_biased_delay_starts_from_the_biased_array():
    found = read_delay([4], scheme="v/3", resistance=1e3)
    ends = read_ends("v/3", 4, 0, 3, 0.1)
    xbar = Crossbar(np.full((4, 4), 1e-3), Wires(1.0, 1.0), ends)
    assert found.waves[0][1][-1] == pytest.approx(Solver().solve(xbar, np.zeros(4)).currents[3],
                                                  rel=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": [1]}, "`sizes` must be"),
        ({"sizes": [2.5]}, r"`sizes\[0\]` must be an integer"),
        ({"sizes": []}, "`sizes` is empty"),
        ({"schemes": "floatin"}, "no read scheme 'floatin'; did you mean 'floating'"),
        ({"r_on": 1e7}, "0 < r_on < r_off"),
        ({"pattern": "all"}, "`pattern` must be"),
        ({"read_voltage": 0.0}, "`read_voltage` must be > 0"),
        ({"wires": Wires(np.ones((2, 2)))}, "`wires.word` must be a scalar"),
    ],
)
def test_margin_errors(change, message):
    with pytest.raises(ParameterError, match=message):
        read_margin(**({"sizes": [2]} | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settle": 0.0}, "`settle` must be"),
        ({"resistance": -1.0}, "`resistance` must be"),
        ({"wires": Wires(1.0, 1.0)}, "no capacitance"),
        ({"wires": Wires(word_capacitance=1e-15)}, "no resistance"),
        ({"scheme": "v/5"}, "no read scheme 'v/5'"),
    ],
)
def test_delay_errors(change, message):
    with pytest.raises(ParameterError, match=message):
        read_delay(**({"sizes": [2]} | change))


def test_pictures(tmp_path):
    result = read_margin([2, 4], selector={"none": None, "miec_selector": MiecSelector()})
    ax = plot_read_margin(result)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["floating", "V/2", "V/3", "grounded", "no selector", "miec selector"]
    assert "10 kΩ or 1 MΩ, all others in the low-resistance state" in ax.get_title()
    assert np.allclose(ax.lines[0].get_ydata(), 100 * result.table[
        (result.table.scheme == "floating") & (result.table.selector == "none")]["margin"])
    assert save_read_margin(result, tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
    delays = read_delay([2, 4])
    ax = plot_read_delay(delays)
    assert ax.get_ylabel() == "Read delay (fs)"
    assert "per segment 1 Ω, 0.2 fF" in ax.get_title()
    assert save_read_delay(delays, tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")
