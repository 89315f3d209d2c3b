"""Sweeps from files as instruments write them, and from pandas."""

import codecs

import numpy as np
import pandas as pd
import pytest

from crossbarsim import NetlistError, ParameterError
from crossbarsim.devices import MeasuredSweep, read_sweeps
from crossbarsim.devices.fitting.measured.tables import as_sweeps

T, V, I = np.array([0.0, 0.1, 0.2]), np.array([0.0, 0.5, 1.0]), np.array([0.0, 1e-6, 4e-6])

KEYSIGHT = """SetupTitle, I/V Sweep
PrimitiveTest, I/V Sweep
TestParameter, Channel.UnitType, SMU, SMU
MetaData, TestRecord.RecordTime, 11/30/2020 10:01:02
Dimension1, 3, 3, 3
DataName, Time, V1, I1
DataValue, 0, 0, 0
DataValue, 0.1, 0.5, 1E-06
DataValue, 0.2, 1, 4E-06
SetupTitle, I/V Sweep
DataName, Time, V1, I1
DataValue, 0, 1, 4E-06
DataValue, 0.1, 0.5, 2E-06
"""
KEITHLEY = "AnodeI\tAnodeV\tTime\n0\t0\t0\n1.0E-6\t0.5\t0.1\n4.0E-6\t1\t0.2\n"
KICKSTART = """"Run1 - I-V Characterizer"
"Model","2450"
"Index","SMU-1 Time (s)","SMU-1 Voltage (V)","SMU-1 Current (A)"
"1","0","0","0"
"2","0.1","0.5","1e-6"
"3","0.2","1","4e-6"
"""
TEKTRONIX = """Model,MSO54
Record Length,3,,
Label,,,
TIME,CH1,CH2
0,0,0
0.1,0.5,1e-6
0.2,1.0,4e-6
"""
GERMAN = "Zeit [ms];Spannung [mV];Strom [\N{MICRO SIGN}A]\n0;0;0\n100;500;1,0\n200;1000,0;4,0\n"
FOUR_COLUMNS = """SetupTitle, I/V Sweep of 1R µ-pads
TestParameter, Channel.Unit, SMU1:MP, SMU2:MP
Dimension1, 3, 3, 3, 3
Dimension2, 1, 1, 1, 1
DataName, Vtop, Itop, Ibot, Time
DataValue, 0, 0, 0, 0
DataValue, 0.5, 1e-6, -1e-6, 0.1
DataValue, 1, 4e-6, -4e-6, 0.2
"""
RUNS = "Run1\t\t\t\nTime(1)\tAnodeV(1)\tAnodeI(1)\tCathodeI(1)\n0\t0\t0\t0\n0.1\t0.5\t1e-6\t-1e-6\n0.2\t1\t4e-6\t-4e-6\n"
NOTES = "# loop 3\n# Time [ms]   Voltage [V]   Current [uA]\n   0      0      0\n 100    0.5      1\n 200      1      4\n"
BLANKS = "Time [ms] Voltage [V] Current [uA]\n0 0 0\n100 0.5 1\n200 1 4\n"
UNITS = "t,v,i\nms,V,nA\n0,0,0\n100,0.5,1000\n200,1,4000\n"
BARE = "0 0 0\n0.1 0.5 1e-6\n0.2 1 4e-6\n"


@pytest.mark.parametrize(("text", "options"), [
    (KEYSIGHT, {}), (KEITHLEY, {}), (KICKSTART, {}), (TEKTRONIX, {}), (GERMAN, {}), (UNITS, {}),
    (FOUR_COLUMNS, {}), (RUNS, {}), (NOTES, {}), (BLANKS, {}),
    (BARE, {"time": 0, "voltage": 1, "current": 2}),
    (KICKSTART, {"voltage": "SMU-1 Voltage", "current": "smu-1 current (a)", "time": 1}),
])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_files_of_instruments(tmp_path, text, options, encoding):
    file = tmp_path / "a.csv"
    file.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    first = read_sweeps(file, **options)[0]
    np.testing.assert_allclose(first.t, T, atol=1e-18)
    np.testing.assert_allclose(first.v, V, atol=1e-18)
    np.testing.assert_allclose(first.i, I, atol=1e-18)
    assert first.file == str(file)


def test_several_sweeps_in_one_file(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text(KEYSIGHT, encoding="utf-8")
    one, two = read_sweeps(file, compliance=1e-5, device="d1")
    assert (len(one), len(two)) == (3, 2)
    assert (one.start, two.start, two.device) == ("auto", "last", "d1")
    file.write_text("cycle,time,voltage,current\n1,0,0,0\n1,1,1,1\n2,2,0,0\n2,3,1,2\n", encoding="utf-8")
    assert [s.t.tolist() for s in read_sweeps(file)] == [[0.0, 1.0], [2.0, 3.0]]
    file.write_text("device,voltage,current\nA1,0,0\nA1,1,1\nB2,0,0\nB2,2,2\n", encoding="utf-8")
    one, two = read_sweeps(file, rate=2.0)
    assert (one.device, two.device, two.start) == ("A1", "B2", "auto")
    assert two.t.tolist() == [0.0, 1.0]
    assert read_sweeps(file, interval=0.25)[0].t.tolist() == [0.0, 0.25]


@pytest.mark.parametrize(("text", "options", "message"), [
    ("nothing here\n", {}, "no table"),
    ("time,voltage,current\n0,0,0\n1,1,x\n2,2,2\n3,3,3\n", {}, "'x' is no current"),
    ("time,voltage,current\n0,0,0\n1,1,9.91e37\n", {}, ":3: .*overflow"),
    ("time,voltage,current\n3,0,0\n1,1,1\n2,0,0\n", {}, ":2: a sweep of one point: .* sort the table"),
    ("time,voltage,current\n0,0,0\n0,1,1\n", {}, ":3: two points at 0 s"),
    ("voltage,current\n0,0\n1,1\n", {}, "give the ramp's `rate`"),
    ("time,voltage,v2,current\n0,0,0,0\n1,1,1,1\n", {"voltage": "v3"}, "no column `v3`"),
    ("time,v1,v2,current\n0,0,0,0\n1,1,1,1\n", {}, "`v1`, `v2` may be the voltage"),
    ("a,b\n0,0\n1,1\n", {"rate": 1.0}, "no column is the voltage"),
    ("time,voltage,current (V)\n0,0,0\n1,1,1\n", {"current": 2}, "V is no unit of current"),
    ("time,voltage,current\n0,0,0\n1,1,1\n", {"current": 7}, "columns 0 to 2"),
])
def test_what_cannot_be_read_says_why(tmp_path, text, options, message):
    file = tmp_path / "a.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises((ParameterError, NetlistError), match=message):
        read_sweeps(file, **options)


def test_files_that_are_none(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(NetlistError, match="cannot be read"):
            read_sweeps(path)


@pytest.mark.parametrize("name", ["AbsI", "abs(I)", "|I|"])
def test_magnitudes_have_the_sign_of_the_voltage(tmp_path, name):
    file = tmp_path / "a.csv"
    file.write_text(f"time,voltage,{name}\n0,-1,2\n1,0,0\n2,1,3\n", encoding="utf-8")
    assert read_sweeps(file, current=2)[0].i.tolist() == [-2.0, 0.0, 3.0]
    file.write_text("time,voltage,current\n0,-1,2\n1,0,0\n2,1,3\n", encoding="utf-8")
    assert read_sweeps(file)[0].i.tolist() == [2.0, 0.0, 3.0]


def test_utf16_without_a_table_is_text(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes(codecs.BOM_UTF16_LE + BARE.encode("utf-16-le"))
    assert len(read_sweeps(file, time=0, voltage=1, current=2)[0]) == 3


def test_pandas_and_arrays():
    table = pd.DataFrame({"time (ms)": [0.0, 1.0], "V": [0.0, 1.0], "current_mA": [0.0, 2.0]})
    one, = as_sweeps(table)
    assert (one.t.tolist(), one.i.tolist()) == ([0.0, 1e-3], [0.0, 2e-3])
    assert len(as_sweeps([(T, V, I), one, table])) == 3
    with pytest.raises(ParameterError, match="`data` must be sweeps"):
        as_sweeps("file.csv")


@pytest.mark.parametrize(("options", "message"), [
    ({"time": [0.0, 0.0, 1.0]}, r"time\[1\] = 0 s follows time\[0\]"),
    ({"current": [0.0, np.nan, 1.0]}, "`current`"), ({"voltage": [0.0, 1.0]}, "one length"),
    ({"compliance": 0.0}, "`compliance` must be > 0"), ({"compliance": [1.0, 2.0]}, "`compliance`"),
    ({"start": "cold"}, "`start`"),
])
def test_sweeps_that_make_no_sense(options, message):
    with pytest.raises(ParameterError, match=message):
        MeasuredSweep(**{"time": T, "voltage": V, "current": I, **options})


def test_ramps_have_times():
    sweep = MeasuredSweep.ramp([0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0], 10.0)
    assert sweep.t.tolist() == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert sweep.rate == pytest.approx(10.0)
    with pytest.raises(ParameterError, match="does not move"):
        MeasuredSweep.ramp([1.0, 1.0], [0.0, 1.0], 1.0)


def test_of_several_currents_none_is_guessed(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("Time,Vin,Itop,Ibot\n0,0,0,0\n1,1,1e-6,-1e-6\n", encoding="utf-8")
    with pytest.raises(ParameterError, match=r"`Itop`, `Ibot` may be the current: choose with `current=`"):
        read_sweeps(file)


def test_a_sweep_says_what_it_is():
    sweep = MeasuredSweep(T, V, I, compliance=4e-6, device="d3", file="a.csv")
    assert repr(sweep) == ("MeasuredSweep(3 points, 0 to 0.2 s, 0 to 1 V, 0 to 4e-06 A, 1 limited by the source, "
                           "device 'd3', file 'a.csv')")


def test_a_unit_tells_the_current_from_an_index(tmp_path):
    """`Index` begins like a current; a column in ampere is one."""
    file = tmp_path / "loop.csv"
    file.write_text(
        "Index;V_top [V];I_top (mA);Time [ms];Cycle#\n"
        "1;0,0;0;0;1\n2;1,0;2,0;1;1\n3;0,0;0;2;2\n4;1,0;3,0;3;2\n", encoding="utf-8",
    )
    first, second = read_sweeps(file)
    assert first.i.tolist() == [0.0, 2e-3]
    assert second.i.tolist() == [0.0, 3e-3]
