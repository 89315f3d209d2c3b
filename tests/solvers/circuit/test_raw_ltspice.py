"""Raw files as LTspice and QSPICE lay them out; the files here are packed number by number."""

import struct

import numpy as np
import pytest

from crossbarsim import NetlistError, read_raw

TIME = [0.0, 1e-9, 2.5e-9]
VOLTS = [0.1, 1.0 / 3.0, -2.0]
AMPERES = [1e-3, -1e-12, 3e-6]


def header(flags, points, kind="time", command="Linear Technology Corporation LTspice", name="Transient Analysis",
           more=""):
    return (
        f"Title: * C:\\µ\\divider.asc\nDate: d\nPlotname: {name}\nFlags: {flags}\nNo. Variables: 3\n"
        f"No. Points: {points:12d}\nOffset:   0.0000000000000000e+00\nCommand: {command}\n{more}Variables:\n"
        f"\t0\t{kind}\t{kind}\n\t1\tV(out)\tvoltage\n\t2\tI(R1)\tdevice_current\n"
    )


def utf16(flags, body, **options):
    return (header(flags, options.pop("points", 3), **options) + "Binary:\n").encode("utf-16-le") + body


def rows(form, columns):
    return b"".join(struct.pack(form, *row) for row in zip(*columns, strict=True))


def test_single_precision_behind_a_double_abscissa():
    signed = [TIME[0], -TIME[1], TIME[2]]  # as compression leaves it
    (plot,) = read_raw(utf16("real forward", rows("<dff", (signed, VOLTS, AMPERES)) + bytes(40)))
    assert plot.title == "* C:\\µ\\divider.asc"
    assert plot["time"].tolist() == TIME
    assert plot["v(out)"].tolist() == np.float32(VOLTS).tolist()
    assert plot["I(R1)"].dtype == float
    assert plot.variables[2].kind == "device_current"


@pytest.mark.parametrize(("flags", "form"), [("real double forward", "<ddd"), ("real forward", "<dff")])
def test_points_and_columns_first_are_alike(flags, form):
    by_point = utf16(flags, rows(form, (TIME, VOLTS, AMPERES)))
    columns = b"".join(struct.pack(f"<3{kind}", *c) for kind, c in zip(form[1:], (TIME, VOLTS, AMPERES), strict=True))
    (one,), (two,) = read_raw(by_point), read_raw(utf16(f"{flags} FastAccess", columns))
    for name in one.names:
        np.testing.assert_array_equal(one[name], two[name])
    np.testing.assert_allclose(one["v(out)"], VOLTS, rtol=0 if "double" in flags else 6e-8)


def test_small_signals_of_both():
    hertz = [1.0, 10.0, 100.0]
    pairs = [x for row in zip(hertz, VOLTS, AMPERES, strict=True) for v in row for x in (v, -v if v != row[0] else 0.0)]
    name = {"kind": "frequency", "name": "AC Analysis"}
    (plot,) = read_raw(utf16("complex forward log", struct.pack("<18d", *pairs), **name))
    np.testing.assert_array_equal(plot["v(out)"], np.array(VOLTS) * (1 - 1j))
    np.testing.assert_array_equal(plot["frequency"], hertz)
    numbers = [x for f, v, i in zip(hertz, VOLTS, AMPERES, strict=True) for x in (f, v, -v, i, -i)]
    text = header("complex", 3, command="QSPICE64", more="Abscissa: 1 100\n.param temp=27\n", **name)
    (other,) = read_raw((text + "Binary:\n").encode() + struct.pack("<15d", *numbers))
    np.testing.assert_array_equal(other["i(r1)"], plot["i(r1)"])
    assert other.options == (".param temp=27",)


def test_text_in_utf_16_and_utf_8():
    values = "".join(f"{k}\t\t{t!r}\r\n\t{v!r}\r\n\t{i!r}\r\n"
                     for k, (t, v, i) in enumerate(zip(TIME, VOLTS, AMPERES, strict=True)))
    text = header("real forward", 3).replace("\n", "\r\n") + "Values:\r\n" + values
    for data in (text.encode(), text.encode("utf-16-le"), b"\xff\xfe" + text.encode("utf-16-le")):
        (plot,) = read_raw(data)
        assert plot["v(out)"].tolist() == VOLTS


def test_steps_are_plots(tmp_path):
    file = tmp_path / "run.raw"
    two = ([*TIME, 0.0, 5e-9], [*VOLTS, 4.0, 5.0], [*AMPERES, 6.0, 7.0])
    file.write_bytes(utf16("real forward stepped", rows("<dff", two), points=5))
    one, other = read_raw(file)
    assert one.title.endswith("(step 1 of 2)")
    assert other["time"].tolist() == [0.0, 5e-9]
    assert other["v(out)"].tolist() == [4.0, 5.0]
    log = "Circuit: * run\r\n.step r1=1000 vin=1\r\n.step r1=2000 vin=1\r\n"
    for data in (log.encode(), log.encode("utf-16-le")):
        (tmp_path / "run.log").write_bytes(data)
        assert read_raw(file)[1].title.endswith("divider.asc (r1=2000, vin=1)")
    (tmp_path / "run.log").write_text(".step r1=1000\n", encoding="utf-8")  # of another run
    assert read_raw(file)[0].title.endswith("(step 1 of 2)")
    table = utf16("real stepped", rows("<dff", (TIME, VOLTS, AMPERES)), name="Operating Point", kind="vin")
    (points,) = read_raw(table)
    assert points["vin"].tolist() == TIME


@pytest.mark.parametrize(("data", "message"), [
    (utf16("real forward", rows("<dff", (TIME, VOLTS, AMPERES))[:-1]), "ends after 47 of 48 bytes"),
    (utf16("real forward", rows("<dff", (TIME, VOLTS, AMPERES)) + b"rest"), "not a line of a raw file"),
    (utf16("real forwards", b""), "flag 'forwards' is not known"),
    (utf16("real forward stepped", b"", points=0), "steps cannot be told apart"),
    (utf16("real forward stepped", rows("<dff", ([np.nan] * 3, VOLTS, AMPERES))), "steps cannot be told apart"),
    (b"T\x00i\x00\x00\xd8x", "not the UTF-16 that LTspice writes"),
    (b"\xff\xfe", "no plot"),
])
def test_broken_files_are_refused(data, message):
    with pytest.raises(NetlistError, match=message):
        read_raw(data)


def test_a_plot_without_vectors():
    text = "Title: t\nFlags: real forward\nNo. Variables: 0\nNo. Points: 4\nVariables:\nBinary:\n"
    (plot,) = read_raw(text.encode("utf-16-le"))
    assert (plot.names, len(plot)) == ((), 0)
