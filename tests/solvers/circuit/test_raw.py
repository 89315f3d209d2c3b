"""Raw files: what is written is read back, and what is broken is refused with its place."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.rawfile.reader import RawPlot, RawVariable, read_raw, write_raw

from crossbarsim import NetlistError, ParameterError, Solver

RNG = np.random.default_rng(3)


def plot(*, complex_=False, short=False, points=7):
    t = np.linspace(0.0, 1.0, points)
    y = RNG.normal(size=points) * 10.0 ** RNG.integers(-12, 12, points)
    if complex_:
        y = y + 1j * RNG.normal(size=points)
        t = t.astype(complex)
    vectors = (t, y, y[:3] if short else -y)
    names = (("time", "time"), ("v(out)", "voltage"), ("i(v1)", "current"))
    return RawPlot("a title", "Transient Analysis", tuple(RawVariable(*n) for n in names), vectors)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("complex_", [True, False])
@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize("padded", [True, False])
def test_round_trip_is_exact(tmp_path, binary, complex_, short, padded):
    made = [plot(complex_=complex_, short=short), plot(points=1)]
    write_raw(tmp_path / "a.raw", made, binary=binary, padded=padded)
    found = read_raw(tmp_path / "a.raw")
    assert len(found) == 2
    for a, b in zip(made, found, strict=True):
        assert a.names == b.names
        assert (a.title, a.name) == (b.title, b.name)
        for x, y in zip(a.vectors, b.vectors, strict=True):
            assert np.array_equal(x, y)
    assert found[0].complex == complex_


def test_dimensions_and_attributes(tmp_path):
    t = np.arange(6.0)
    made = RawPlot("t", "DC transfer characteristic", (
        RawVariable("v(v-sweep)", "voltage", {"grid": "3"}), RawVariable("v(a)", "voltage"),
    ), (t, t**2), dimensions=(2, 3), options=("reltol = 1e-5",), commands=("ngspice-46",))
    write_raw(tmp_path / "a.raw", made)
    found, = read_raw(tmp_path / "a.raw")
    assert found.dimensions == (2, 3)
    assert found.options == made.options
    assert found.commands == made.commands
    assert found.variables[0].attributes == {"grid": "3"}
    assert "v(a)" in found
    assert found["V(A)"].tolist() == (t**2).tolist()


def test_the_imaginary_part_of_a_frequency_does_not_count(tmp_path):
    f = np.array([1.0 + 2.9e-70j, 10.0 - 1e300j])
    made = RawPlot("t", "AC Analysis", (RawVariable("frequency", "frequency"),
                                        RawVariable("v(a)", "voltage")), (f, f * 0 + 1j))
    write_raw(tmp_path / "a.raw", made)
    found, = read_raw(tmp_path / "a.raw")
    assert found["frequency"].tolist() == [1.0, 10.0]
    assert found["v(a)"].dtype == complex


HEAD = (b"Title: t\nPlotname: p\nFlags: real\nNo. Variables: 2\nNo. Points: 2       \nVariables:\n"
        b"\t0\ttime\ttime\n\t1\tv(a)\tvoltage\n")


def test_padded_counts_and_text_without_blank_lines():
    found, = read_raw(HEAD + b"Values:\n 0\t0.0\n\t1.0\n 1\t0.5\n\t2.0\n")
    assert found["v(a)"].tolist() == [1.0, 2.0]
    found, = read_raw(HEAD + b"Values:\n0 0.0\n1.0\n\n1\n0.5\n2.0\n\n")
    assert found["time"].tolist() == [0.0, 0.5]


@pytest.mark.parametrize(("data", "message"), [
    (b"", "has no plot"),
    (b"\xff\xfeT\x00", r"no plot|not a line"),
    (b"T\x00i\x00", "not a line of a raw file"),
    (HEAD + b"Binary:\n" + bytes(24), r"after 3 of 4 numbers.*byte"),
    (HEAD + b"Values:\n 0\t0.0\n", "ends within the values"),
    (HEAD + b"Values:\n 0\t0.0\n\tx\n", r"'x' is no number.*line 11"),
    (HEAD + b"Values:\n 0\t0.0\n\t1,2\n", "is not one number"),
    (HEAD.replace(b"real", b"imaginary") + b"Values:\n", "flag 'imaginary'"),
    (HEAD.replace(b"Points: 2", b"Points: two") + b"Values:\n", "whole number"),
    (HEAD.replace(b"Points: 2", b"Points: 99999999999999") + b"Binary:\n", "cannot be"),
    (HEAD.replace(b"\t0\ttime\ttime", b"\t0\ttime"), "variable 0 should be"),
    (b"Title: t\nBinary:\n", "before the line `Variables:`"),
    (b"nonsense\n", "not a line of a raw file"),
    (HEAD, "ends in the header"),
])
def test_broken_files_are_refused(data, message):
    with pytest.raises(NetlistError, match=message):
        read_raw(data)


def test_other_errors(tmp_path):
    with pytest.raises(NetlistError, match=r"none\.raw"):
        read_raw(tmp_path / "none.raw")
    with pytest.raises(ParameterError, match="at least one"):
        write_raw(tmp_path / "a.raw", [])
    bad = RawPlot("t", "p", (RawVariable("v(a b)", "voltage"),), (np.zeros(2),))
    with pytest.raises(ParameterError, match="one word"):
        write_raw(tmp_path / "a.raw", bad)
    with pytest.raises(ParameterError, match=r"it has time, v\(out\)"):
        plot()["v(x)"]


def text_of(values, points, complex_=False):
    head = (f"Title: t\nDate: d\nPlotname: Transient Analysis\nFlags: {'complex' if complex_ else 'real'}\n"
            f"No. Variables: 2\nNo. Points: {points}\nVariables:\n\t0\ttime\ttime\n\t1\tv(a)\tvoltage\nValues:\n")
    return (head + values).encode()


def test_text_is_read_at_once_and_line_by_line_alike(monkeypatch, tmp_path):
    from crossbarsim.solvers.circuit.rawfile import reader as raw

    rng = np.random.default_rng(5)
    plots = []
    for complex_ in (False, True):
        values = rng.normal(size=(2, 3, 40)) * 10.0 ** rng.integers(-300, 300, (2, 3, 40))
        vectors = tuple(values[0] + 1j * values[1] if complex_ else values[0])
        plots += [RawPlot("two", "AC Analysis" if complex_ else "Transient Analysis", tuple(
            RawVariable(n, "voltage") for n in ("x", "v(a)", "v(b)")), vectors)] * 2
    write_raw(tmp_path / "t.raw", plots, binary=False)
    fast = read_raw(tmp_path / "t.raw")
    used = []
    monkeypatch.setattr(raw._Reader, "_table", lambda *a: used.append(a))
    slow = read_raw(tmp_path / "t.raw")
    assert len(used) == len(fast) == len(slow) == 4
    for one, two, true in zip(fast, slow, plots, strict=True):
        for a, b, c in zip(one.vectors, two.vectors, true.vectors, strict=True):
            np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize(("values", "message"), [
    ("0\t0.0\n\t1.0\n1\t1.0\n\tx\n", "point 1: 'x' is no number"),
    ("0\t0.0\n\t1.0\n1\t1.0\n", "ends within the values"),
    ("0\t0.0\n\t1,5\n1\t1.0\n\t2\n", "is not one number"),
    ("0\t0.0\n\t1.0\n\t1.0\n\t2\n", "its number is expected"),
])
def test_broken_text_is_named(values, message):
    with pytest.raises(NetlistError, match=message):
        read_raw(text_of(values, 2))


def test_text_that_is_unusual_is_read_all_the_same():
    plot, = read_raw(text_of("5\t0.0\n\t1.0\n\n7\n\t1.0\n\tnan\n", 2))
    np.testing.assert_array_equal(plot["v(a)"], [1.0, np.nan])
    plot, = read_raw(text_of("0\t0.0,0.0\n\t1.0,-2.0\n1\t1.0\n\tinf,0\n", 2, complex_=True))
    np.testing.assert_array_equal(plot["v(a)"], [1 - 2j, complex(np.inf, 0)])
    one, two = read_raw(text_of("0 0.0\n 1.0\n1 1.0\n 2.0\n", 2) + text_of("0 0.0\n 3.0\n", 1).replace(b"Title: t\n", b""))
    assert (one["v(a)"].tolist(), two["v(a)"].tolist()) == ([1.0, 2.0], [3.0])


@pytest.mark.slow
def test_text_is_read_nearly_as_fast_as_numbers_can_be(tmp_path):
    import time

    vectors = tuple(np.random.default_rng(0).normal(size=(10, 50_000)))
    names = tuple(RawVariable(f"v({k})", "voltage") for k in range(10))
    write_raw(tmp_path / "t.raw", RawPlot("t", "Transient Analysis", names, vectors), binary=False)
    words = (tmp_path / "t.raw").read_bytes().split(b"Values:")[1].split()
    at = time.perf_counter()
    read_raw(tmp_path / "t.raw")
    took = time.perf_counter() - at
    at = time.perf_counter()
    for word in words:
        float(word)
    assert took < 2 * (time.perf_counter() - at)


@pytest.mark.parametrize("binary", [True, False])
def test_line_ends_of_windows(tmp_path, binary):
    made = plot()
    write_raw(tmp_path / "a.raw", made, binary=binary)
    head, mark, body = (tmp_path / "a.raw").read_bytes().partition(b"Binary:\n" if binary else b"Values:\n")
    body = body if binary else body.replace(b"\n", b"\r\n")
    found, = read_raw((head + mark).replace(b"\n", b"\r\n") + body)
    assert (found.title, found.name, found.names) == (made.title, made.name, made.names)
    for x, y in zip(made.vectors, found.vectors, strict=True):
        assert np.array_equal(x, y)


# -- results of runs ------------------------------------------------------------------------------

ALL = """every analysis
V1 1 0 dc 1 ac 1 sin(0 1 100k)
R1 1 2 {r}
C1 2 0 1n
R2 2 0 1k
.param r=1k
.op
.dc v1 0 1 0.5 temp 20 30 10
.tran 1u 10u
.ac dec 3 1 1k
.noise v(2) v1 dec 2 10 1k
.tf v(2) v1
.sens v(2)
.sens v(2) ac dec 1 1 10
.four 200k v(2) v(1)
"""
KINDS = ["op", "dc", "tran", "ac", "noise", "tf", "sens", "sens", "four"]


@pytest.fixture(scope="module")
def results():
    found = Solver().run(read_spice(ALL))
    assert [r.short_name for r in found] == KINDS
    return found


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("k", range(len(KINDS)))
def test_every_result_writes_itself(results, tmp_path, k, binary):
    result = results[k]
    result.to_raw(tmp_path / "a.raw", binary=binary)
    plots = read_raw(tmp_path / "a.raw")
    assert [p.name for p in plots] == [p.name for p in result.to_plots()]
    assert plots[0].title == "every analysis"
    if KINDS[k] == "four":
        assert np.array_equal(plots[0]["mag(v(1))"], result["v(1)"].magnitude)
        assert np.array_equal(plots[0]["frequency"], result["v(2)"].frequency)
        return
    if KINDS[k] == "noise":
        assert plots[1]["v(onoise_total)"][0] == result["onoise_total"]
        assert plots[1].name == "Integrated Noise"
    for name, values in result.to_dict().items():
        if KINDS[k] == "dc" and name == "temp":
            continue  # as in ngspice's files, the inner sweep alone
        written = plots[0]["v(v-sweep)" if (KINDS[k], name) == ("dc", "v1") else name]
        assert np.array_equal(written, np.resize(values, written.shape)), name


def test_a_run_is_written_as_it_is(results, tmp_path):
    write_raw(tmp_path / "a.raw", results)
    assert len(read_raw(tmp_path / "a.raw")) == len(KINDS) + 1
    write_raw(tmp_path / "a.raw", results[-1])
    assert len(read_raw(tmp_path / "a.raw")) == 1
    write_raw(tmp_path / "a.raw", (p for r in results[:2] for p in r.to_plots()))
    assert len(read_raw(tmp_path / "a.raw")) == 2


def test_steps_are_plots_with_their_values(tmp_path):
    (stepped,) = Solver().run(read_spice("s\nV1 1 0 1\nR1 1 2 {r}\nR2 2 0 1k\n.param r=1k\n.op\n"
                                         ".step param r list 1k 3k\n"))
    stepped.to_raw(tmp_path / "a.raw")
    one, two = read_raw(tmp_path / "a.raw")
    assert (one.title, two.title) == ("s (r=1000)", "s (r=3000)")
    assert two["v(2)"][0] == stepped.select(r=3e3)["v(2)"]


@pytest.mark.parametrize("wrong", [5, "text", None, [None], [object()], [[5]], np.ones(3)])
def test_what_is_no_result_is_refused_and_the_old_file_stays(tmp_path, results, wrong):
    path = tmp_path / "a.raw"
    path.write_bytes(b"the old file")
    with pytest.raises(ParameterError, match=r"Solver\(\).run"):
        write_raw(path, [results[0], wrong])
    assert path.read_bytes() == b"the old file"
