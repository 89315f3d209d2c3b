"""Axes of a study: grids, values side by side, lists, samples."""

import numpy as np
import pytest
from scipy.stats import qmc

from crossbarsim import ParameterError, Wires
from crossbarsim.periphery import ADC
from crossbarsim.studies import Axis, Listed, Sampled, Zipped
from crossbarsim.studies.engine.points import Points, checked_seeds


def rows(axis, name="a"):
    return axis.dimension(name)[1]


def test_a_grid_is_the_product_the_last_axis_fastest():
    points = Points({"wires.word": [0.0, 1.0], "tile": Axis([(4, 4), (8, 8)], fields="tile_shape")}, (3, 5))
    assert points.shape == (2, 2, 2)
    assert [points.sets(k) for k in (0, 1, 2, 7)] == [
        {"wires.word": 0.0, "tile_shape": (4, 4), "seed": 3}, {"wires.word": 0.0, "tile_shape": (4, 4), "seed": 5},
        {"wires.word": 0.0, "tile_shape": (8, 8), "seed": 3}, {"wires.word": 1.0, "tile_shape": (8, 8), "seed": 5},
    ]
    order = list(points.order())
    assert sorted(order) == list(range(8))
    assert [points.sets(k)["seed"] for k in order] == [3] * 4 + [5] * 4


def test_a_key_names_a_point_whatever_the_other_points_are():
    small = Points({"b": [1, 2], "a": [0.5]})
    large = Points({"a": [0.25, 0.5], "b": [0, 2, 1]})
    assert small.key(1) == large.key(4) == {"a": 0.5, "b": 2}
    assert list(small.key(0)) == ["a", "b"]


def test_one_value_for_several_fields_and_one_for_each():
    same = Points({("wires.word", "wires.bit"): [1.0, 2.0]})
    assert same.sets(1) == {"wires.word": 2.0, "wires.bit": 2.0}
    assert same.dimensions[0].name == "wires.word"
    each = Points({("wires.word", "wires.bit"): [(1.0, 3.0), (2.0, 4.0)]})
    assert each.sets(1) == {"wires.word": 2.0, "wires.bit": 4.0}
    assert list(each.dimensions[0].coordinates) == ["wires.word", "wires.bit"]
    named = Axis([1.0], fields=("wires.word", "wires.bit"))
    assert named.dimension("ohm")[0].units == {"ohm": "ohm"}  # both have it


def test_zipped_and_listed():
    assert rows(Zipped({"x": [1, 2], "y": ["p", "q"]})) == [{"x": 1, "y": "p"}, {"x": 2, "y": "q"}]
    assert rows(Listed([{"x": 1, "y": "p"}, {"y": "q", "x": 2}])) == [{"x": 1, "y": "p"}, {"x": 2, "y": "q"}]


def test_names_of_values():
    dimension, found = Axis({"none": None, "coarse": ADC(bits=4)}, fields="periphery.adc").dimension("adc")
    assert list(dimension.coordinates["adc"]) == ["none", "coarse"]
    assert found == [{"periphery.adc": None}, {"periphery.adc": ADC(bits=4)}]


def test_plain_values_become_records():
    found = rows(Axis([{"type": "Wires", "word": 2.0}]))
    assert isinstance(found[0]["a"], Wires)


@pytest.mark.parametrize("method", ["sobol", "latin-hypercube", "random"])
def test_samples_lie_in_their_ranges_and_come_again(method):
    axis = Sampled({"x": (-1.0, 3.0), "n": (2, 9), "s": ["p", "q", "r"], "g": (1e-6, 1e-4)}, 64, method=method,
                   seed=3, log=("g",))
    found = rows(axis)
    assert found == rows(axis)
    assert found != rows(Sampled(axis.ranges, 64, method=method, seed=4, log=("g",)))
    x = np.array([row["x"] for row in found])
    assert x.min() >= -1
    assert x.max() <= 3
    n = [row["n"] for row in found]
    assert set(n) <= set(range(2, 10))
    assert all(isinstance(k, int) for k in n)
    assert {row["s"] for row in found} == {"p", "q", "r"}
    g = np.log([row["g"] for row in found])
    assert abs(g.mean() - np.log(1e-5)) < 0.6


def test_sobol_and_latin_hypercube_are_scipys():
    unit = qmc.Sobol(2, seed=np.random.default_rng(5)).random_base2(4)
    found = rows(Sampled({"x": (0.0, 1.0), "y": (0.0, 1.0)}, 16, seed=5))
    assert [[r["x"], r["y"]] for r in found] == unit.tolist()
    found = rows(Sampled({"x": (0.0, 8.0)}, 8, method="latin-hypercube"))
    assert sorted(int(r["x"]) for r in found) == list(range(8))  # one in each stratum


@pytest.mark.parametrize(("axes", "message"), [
    ({}, "must be a mapping"), ([1, 2], "must be a mapping"), ({"x": []}, "'x' has no value"),
    ({"x": 3}, "must be a list"), ({"x": "abc"}, "must be a list"), ({"x": [1, 1]}, "a value twice"),
    ({"seed": [1]}, "chips are `seeds`"),
    ({"x": [1], "y": Axis([1], fields="x")}, "'x' is set by the axes 'x' and 'y'"),
    ({"x": Zipped({"x": [1], "y": [1, 2]})}, "not equally many values"),
    ({"x": Listed([])}, "must be a list of points"),
    ({"x": Listed([{"x": 1}, {"y": 1}])}, "do not name the same fields: x, y"),
    ({"x": Sampled({"x": (1, 0)}, 4)}, "must rise"), ({"x": Sampled({}, 4)}, "has no range"),
    ({"x": Sampled({"x": (0.0, 1.0)}, 4, log=("x",))}, "above 0"),
    ({"x": Sampled({"x": (0.0, 1.0)}, 4, log=("y",))}, "has no range"),
    ({("x", "y"): Axis([1])}, "must have plain values"),
])
def test_axes_that_are_none(axes, message):
    with pytest.raises(ParameterError, match=message):
        Points(axes).shape  # noqa: B018


def test_seeds():
    assert checked_seeds(3) == (0, 1, 2)
    assert checked_seeds([7, 5]) == (7, 5)
    assert checked_seeds(None) is None
    for wrong in (0, -1, [], [1, 1], [1.5], "ab", True):
        with pytest.raises(ParameterError, match="`seeds`"):
            checked_seeds(wrong)


def test_branches_and_groups():
    points = Points({"x": [1, 2, 3], "y": [10, 20]}, (0, 1))
    branches = points.branches("x")
    assert len(branches) == 4
    assert [points.sets(n)["x"] for n in branches[0]] == [1, 2, 3]
    assert len({(points.sets(n)["y"], points.sets(n)["seed"]) for b in branches for n in b[:1]}) == 4
    groups = points.groups(list(points.order()), lambda sets: sets["y"])
    assert [len(g) for g in groups] == [6, 6]
