"""Pages without a browser: their data, their size, what they refuse."""

import base64
import json
import re
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossbarsim import Crossbar, ParameterError, Solution, Solver, Wires
from crossbarsim.core.views.encode import packed_frames, packed_vector, thinned
from crossbarsim.core.views.numbers import readable
from crossbarsim.core.views.page import Page
from crossbarsim.core.views.panels import (
    Axis,
    Curve,
    Curves,
    Derived,
    Field,
    Grid,
    HeatMap,
    Measure,
    Table,
)
from crossbarsim.core.views.shown import View, notebook

RNG = np.random.default_rng(2)


def data_of(page):
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.html, re.DOTALL)[1]
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def unplaned(packed, count):
    octets = np.frombuffer(zlib.decompress(base64.b64decode(packed["data"])), dtype=np.uint8)
    return np.ascontiguousarray(octets.reshape(count, -1)[::-1].T).view(f"<u{count}").ravel()


def unpacked(packed):
    """Return maps from what the page holds, as a browser does."""
    shape = packed["shape"]
    if packed["kind"] == "f4":
        return unplaned(packed, 4).view("<f4").reshape(shape).astype(float)
    codes = unplaned(packed, 2).reshape(-1, *shape[-2:])
    mode = packed["mode"]
    if mode == "time":
        codes = np.cumsum(codes, axis=0, dtype=np.uint16)
    if mode in ("column", "plane"):
        codes = np.cumsum(codes, axis=1, dtype=np.uint16)
    if mode in ("row", "plane"):
        codes = np.cumsum(codes, axis=2, dtype=np.uint16)
    low, step = (np.array(packed[k])[:, None, None] for k in ("low", "step"))
    return np.where(codes == 65535, np.nan, low + codes * step).reshape(shape)


@pytest.mark.parametrize("common", [False, True])
@pytest.mark.parametrize("kind", ["smooth", "rows", "noise", "still"])
def test_maps_come_back(kind, common):
    i, j = np.indices((90, 80))
    maps = np.stack([{
        "smooth": np.sin(0.02 * i * (1 + 0.1 * k)) * j, "rows": 1.0 * (i * 7919 % 101) + 1e-3 * k * j,
        "noise": RNG.standard_normal((90, 80)), "still": 1.0 * i * j + (i == k),
    }[kind] for k in range(5)])
    maps[2, 3, 4], maps[1, 0, 0], maps[3, 5, 5] = np.nan, np.inf, -np.inf
    packed = packed_frames(maps, common=common)
    found = unpacked(packed)
    good = np.isfinite(maps)
    assert np.array_equal(np.isfinite(found), good)
    bound = np.array(packed["step"])[:, None, None] * 0.5000001
    assert (np.abs(found - maps)[good] <= np.broadcast_to(bound, maps.shape)[good]).all()
    if common and kind == "still":
        assert packed["mode"] == "time"


def test_one_value_and_none():
    same = packed_frames(np.full((2, 120, 120), 3.5))
    assert (unpacked(same) == 3.5).all()
    assert np.isnan(unpacked(packed_frames(np.full((1, 200, 200), np.nan)))).all()
    few = packed_frames(np.array([[1e-30, np.nan], [np.inf, -2.0]]))
    assert np.allclose(unpacked(few), [[1e-30, np.nan], [np.nan, -2.0]], equal_nan=True)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=60))
def test_vectors_come_back(values):
    vector = np.array(values, dtype=float)
    packed = json.loads(json.dumps(packed_vector(vector), allow_nan=False))
    if isinstance(packed, list):
        found = np.array([np.nan if v is None else v for v in packed], dtype=float)
        assert np.array_equal(found, np.where(np.isfinite(vector), vector, np.nan), equal_nan=True)
    else:
        with np.errstate(all="ignore"):
            found = unplaned(packed, 4).view("<f4").astype(float) + packed["base"]
        good = np.isfinite(vector)
        assert np.isnan(found[~good]).all()
        span = np.abs(vector[good] - packed["base"])
        large = span > 3e38  # beyond single precision
        assert (np.abs(found[good] - vector[good])[~large] <= 1e-6 * span[~large] + 1e-37).all()


def test_points_that_matter_are_kept():
    wave = np.zeros(100_001)
    wave[44_444], wave[7] = 1.0, -1.0
    kept = thinned(wave, 1000)
    assert {0, 7, 44_444, 100_000} <= set(kept.tolist())
    assert len(kept) <= 1000
    both = thinned(np.stack([wave, np.roll(wave, 999)]), 1000)
    assert {7, 1006, 44_444, 45_443} <= set(both.tolist())


def test_a_page_of_a_tile_is_small():
    G = 10 ** RNG.uniform(-6, -4, (128, 128))
    solution = Solver().solve(Crossbar(G, Wires(1.0, 1.0)), RNG.uniform(0, 0.2, 128))
    page = solution.explore(np.geomspace(0.1, 20.0, 24))
    assert len(page.html.encode()) < 1_000_000
    held = data_of(page)["panels"][0]
    assert held["steps"] == [1, 1]  # every cell
    lost = next(f for f in held["fields"] if f["name"] == "lost in the wires")
    found = unpacked(lost["values"])
    last = Solver().solve(Crossbar(G, Wires(20.0, 20.0)), solution.V)
    expected = solution.V[:, None] - last.cell_voltages
    assert np.abs(found[-1] - expected).max() <= 1.001 * lost["values"]["step"][-1] / 2


def test_larger_arrays_are_thinned_and_said_so():
    xbar = Crossbar(RNG.uniform(1e-6, 1e-5, (600, 500)), Wires(0.1, 0.1))
    page = Solver().solve(xbar, np.full((2, 600), 0.1)).explore([0.1, 0.2, 0.3])
    assert len(page.html.encode()) < 1_000_000
    held = data_of(page)["panels"][0]
    step = held["steps"][0]
    assert step > 1
    assert held["shape"] == [-(-600 // step), -(-500 // step)]
    conductance = next(f for f in held["fields"] if f["name"] == "conductance")
    assert np.allclose(unpacked(conductance["values"])[0, 0], xbar.conductance[::step, ::step], rtol=1e-3)


@pytest.mark.slow
def test_no_page_is_too_large():
    noise = RNG.standard_normal((40, 20_000))
    panels = [Curves("noise", [Curve(str(k), np.arange(20_000.0), row) for k, row in enumerate(noise)],
                     ("t", "s"), ("v", "V"))] * 12
    assert len(Page("many", panels).html.encode()) < 1_000_000
    text = Table("text", [("a", "")], [["x" * 1000]] * 2000)
    with pytest.raises(ParameterError, match="do not fit into a page of 1 MB"):
        _ = Page("long", [text]).html


def test_what_is_needed_to_have_it_again():
    G = np.full((3, 3), 1e-5)
    solve = Solver().solve
    pages = [solve(Crossbar(g, Wires(w, 1.0)), v).explore([1.0]) for g, w, v in (
        (G, 1.0, np.full(3, 0.1)), (G, 1.0, np.full(3, 0.1)), (1.1 * G, 1.0, np.full(3, 0.1)), (G, 2.0, np.full(3, 0.1)),
        (G, 1.0, np.full(3, 0.2)))]
    assert pages[0].sha256 == pages[1].sha256
    assert len({page.sha256 for page in pages}) == 4
    data = data_of(pages[0])
    assert dict(data["versions"])["crossbarsim"]
    assert dict(data["settings"])["V"].startswith("3 of 0.1, sha256")


def test_files(tmp_path):
    solution = Solver().solve(Crossbar(np.full((3, 3), 1e-5)), np.full(3, 0.1))
    assert solution.to_html(tmp_path / "a").name == "a.html"
    path = solution.to_html(tmp_path / "b.htm", command="crossbarsim solve <x>")
    assert '"command": "crossbarsim solve \\u003cx\\u003e"' in path.read_text(encoding="utf-8")
    with pytest.raises(ParameterError, match=r"must end in \.html; got a\.png"):
        solution.to_html(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match=r"missing"):
        solution.to_html(tmp_path / "missing" / "a.html")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(IsADirectoryError if sys.platform != "win32" else OSError):
        solution.to_html(tmp_path / "folder.html")


def test_a_loaded_solution(tmp_path):
    made = Solver().solve(Crossbar(np.full((3, 3), 1e-5), Wires(1.0, 1.0)), np.full(3, 0.1))
    made.save(tmp_path / "s.npz")
    loaded = Solution.load(tmp_path / "s.npz")
    assert data_of(loaded.explore())["panels"][0]["frames"] == []
    with pytest.raises(ParameterError, match=r"explore\(solver=Solver\(\)\)"):
        loaded.explore([1.0, 2.0])
    assert len(data_of(loaded.explore([1.0, 2.0], solver=Solver()))["panels"][0]["frames"][0]["values"]) == 2


@pytest.mark.parametrize(("arguments", "message"), [
    ({"ohms": []}, "at least one"), ({"ohms": [-1.0]}, ">= 0"), ({"ohms": [np.nan]}, "finite"),
    ({"other": "driver"}, "together"), ({"values": [1.0]}, "together"),
    ({"other": "gate", "values": [1.0]}, "one of driver, sense, voltage"),
    ({"other": "driver", "values": []}, "at least one"), ({"ohms": np.ones(300)}, "more than 200"),
])
def test_what_explore_refuses(arguments, message):
    solution = Solver().solve(Crossbar(np.full((3, 3), 1e-5), Wires(1.0, 1.0)), np.full(3, 0.1))
    with pytest.raises(ParameterError, match=message):
        solution.explore(**arguments)


def test_nothing_to_show():
    with pytest.raises(ParameterError, match="nothing to show"):
        Page("empty", [])
    with pytest.raises(ParameterError, match="no cells"):
        HeatMap("cells", [Field("v", "V", np.zeros((0, 3)))])
    with pytest.raises(ParameterError, match="no point"):
        Curves("c", [Curve("a", np.zeros(0), np.zeros(0))], ("x", ""), ("y", ""))
    with pytest.raises(ParameterError, match="has no point"):
        Axis("ohm", [])
    with pytest.raises(ParameterError, match="no measure"):
        Grid("g", [Axis("x", [1])], [], "x")
    with pytest.raises(ParameterError, match=r"shape \(2,\), not \(1,\)"):
        Grid("g", [Axis("x", [1])], [Measure("m", "", np.ones(2))], "x")


def test_positions_that_do_not_converge_are_gaps():
    from crossbarsim.devices import VTEAM

    class Stubborn(Solver):
        def solve(self, xbar, V, **options):
            if float(xbar.wires.word) > 1.5:
                from crossbarsim import ConvergenceError

                raise ConvergenceError("no", None)
            return super().solve(xbar, V, **options)

    xbar = Crossbar(cells=VTEAM().array(np.full((3, 3), 1e-3)), wires=Wires(1.0, 1.0))
    page = Stubborn().solve(xbar, np.full(3, 0.1)).explore([1.0, 2.0])
    data = data_of(page)
    assert dict(data["facts"])["not converged"] == "1 of 2 positions (gaps)"
    field = next(f for f in data["panels"][0]["fields"] if f["name"] == "lost in the wires")
    found = unpacked(field["values"])
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


def test_notebooks_get_text_not_code():
    view = View("<script>", {"<b>": "<i>"}, [Table("t", [("<u>", "")], [["<s>"]])])
    assert re.findall(r"<(script|b|i|u|s)>", notebook(view)) == ["b"]  # our own, of the title
    derived = Derived("d", "", "percent", ("a", "b"))
    panel = HeatMap("m", [derived, Field("a", "", np.array([[1.5]])), Field("b", "", np.array([[0.0]]))])
    assert "no number" in notebook(View("m", {}, [panel]))


@pytest.mark.parametrize(("value", "unit", "text"), [
    (1.23456e-5, "A", "12.35 µA"), (0.0, "V", "0 V"), (float("nan"), "V", "nan"), (True, "", "yes"), (1234567, "", "1,234,567"),
    (5e3, "s", "5000 s"), (3e12, "ohm", "3000 Gohm"), (25.0, "degC", "25 degC"), (0.5, "%", "0.5 %"), (None, "V", ""),
])
def test_readable(value, unit, text):
    assert readable(value, unit) == text
