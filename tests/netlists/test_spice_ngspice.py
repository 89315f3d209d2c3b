"""Numbers and expressions against ngspice 39, many in one run."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from crossbarsim import read_spice

NGSPICE = shutil.which("ngspice")
pytestmark = pytest.mark.skipif(NGSPICE is None, reason="ngspice is not installed")

# of v(a), swept over -1.3 ... 1.2, and v(b) = 0.7
SOURCES = [
    "v(a) + v(b)*2 - v(a,b)/3", "-v(a)**2", "v(a)**3", "v(a)^2*v(b)", "2**v(a)**v(b)", "v(b)**v(a)",
    "-v(b)**-v(a)", "pwr(v(a), 1.5)", "pow(v(a), 2)", "v(a) > v(b) ? 1 : v(a) < -v(b) ? 2 : 3",
    "(v(a) >= 0) + 2*(v(a) <= 0) + 4*(v(a) == 0) + 8*(v(a) != 0)", "(v(a) > 0 && v(b) > 0) || v(a) < -1",
    "!(v(a) > 0)", "-!(v(a) > 0)", "abs(v(a))", "sqrt(v(a)*v(a) + v(b))", "exp(v(a))", "ln(v(a) + 3)",
    "log(v(a) + 3)", "log10(v(a) + 3)", "sin(v(a))", "cos(v(a))", "tan(v(a))", "asin(v(a)/2)", "acos(v(a)/2)",
    "atan(v(a))", "sinh(v(a))", "cosh(v(a))", "tanh(v(a))", "asinh(v(a))", "acosh(v(a) + 3)", "atanh(v(a)/2)",
    "min(v(a), v(b))", "max(v(a), v(b))", "min(max(v(a), -0.5), 0.5)", "sgn(v(a))", "u(v(a))", "u2(v(a))",
    "uramp(v(a))", "floor(v(a)*3)", "ceil(v(a)*3)", "nint(v(a)*3)", "ternary_fcn(v(a) > 0, v(b), 2*v(b))",
    "pwl(v(a), -1, 0, 0, 1, 0.5, -1)", "pwl(v(a)*v(b), -0.3, 1, 0.3, 2)", "eq0(v(a)) + 2*ne0(v(a))", "gt0(v(a)) + 2*ge0(v(a))",
    "lt0(v(a)) + 2*le0(v(a))", "v(a)*pi + e", "temper*v(a)", "hertz + v(a)", "i(va)*1e3 + i(vb)", "1k*v(a) + 1m - 2u*v(b)",
    "v(a) - - v(b)", "v(a) * -v(b)", "+v(a)", "1 - 2 - v(a)", "16/4/2 + v(a)", "2*3 + 4*v(a)", "v(a) + 2 > v(b) * 3", "3 > 2 > v(a)",
    "1 == v(a) < 2", "v(a)/v(b)/2", "(v(a) - v(b))*(v(a) + v(b))", "exp(-v(a)*v(a))*sin(6*v(a))",
]
PARAMETERS = [
    "-2**2", "(-2)**3", "2**3**2", "2**-1", "-2^2", "7%4", "-7%4", "7\\2", "5 % 3 * 2", "pow(-2, 3)", "pwr(-2, 3)", "pwr(2, 3)",
    "(-8)**(1/3)", "4**.5", "2**-2**2", "1?2:3", "0?2:3", "1<2==1", "!0", "!0&&1||0", "1<>2", "1!=2", "2>=2", "2<=1", "sgn(-3)",
    "nint(2.5)", "nint(-2.5)", "int(-2.7)", "log(10)", "ln(10)", "log10(100)", "abs(-3)", "sqr(3)", "min(1,2)", "max(1,2)",
    "ternary_fcn(1,2,3)", "arctan(1)", "atan(1)", "asinh(1)", "acosh(2)", "atanh(.5)", "floor(-1.5)", "ceil(-1.5)", "1meg", "1e3k",
    "2.5kohm", "1f*1e15", "1a", "1t", "1g", "1u", "10m", "10M", "1Mega", "2-3-4", "16/4/2", "-3*-2", "3--2", "2*3+4", "2+3*4",
    "(1>2)||(2>1)", "sin(1)", "cos(1)", "tan(1)", "asin(.5)", "acos(.5)", "sinh(1)", "cosh(1)", "tanh(1)", "exp(1)", "sqrt(2)",
    "1e-3", "5e+2", ".5", "1.", "0**0", "1+2>2", "3>2>1", "-!0", "8/2*4", "0 || 0 && 1", "1 || 0 && 0", "ka*kb", "twice(ka) + kb",
    "(ka > kb) ? ka : kb", "ka/kb - kb/ka", "2k + 3meg/1e3", "1.5n*1e9", "1p*1e12", "0.1 + 0.2",
]
VALUES = ["1k", "1K", "2.2u", "10meg", "10MEGohm", "1m", "3p", "1t", "2g", "4n", "1e3k", "1.5ohm", "1mil", "2A", ".5", "1.", "1e-3",
          "0.1n", "5", "1e3", "4.7kOhm", "1E-2", "3F", "7nH", "1Hz", "9V", "2mega", "6mils", "1.e2", "8f"]


def run(deck, tmp_path):
    (tmp_path / "deck.cir").write_text(deck)
    done = subprocess.run(
        [NGSPICE, "-b", "deck.cir"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    return done.stdout + done.stderr


def test_expressions_of_sources(tmp_path):
    lines = [f"B{k} n{k} 0 V={text}" for k, text in enumerate(SOURCES)]
    body = "\n".join(["Va a 0 0", "Vb b 0 0.7", "Ra a b 2k", *lines])
    names = " ".join(["v(a)", *(f"v(n{k})" for k in range(len(SOURCES)))])
    control = (f".control\nset wr_singlescale\nset numdgt=16\ndc va -1.3 1.2 0.05\n"
               f"wrdata out.txt {names} i(va) i(vb)\n.endc\n.end\n")
    out = run(f"title\n{body}\n{control}", tmp_path)
    table = np.loadtxt(tmp_path / "out.txt").T if (tmp_path / "out.txt").exists() else None
    assert table is not None, out
    a, found, currents = table[1], table[2:-2], table[-2:]
    circuit = read_spice(f"title\n{body}\n", compat="ngspice")
    probes = {("v", "a", "0"): a, ("v", "b", "0"): 0.7, ("v", "a", "b"): a - 0.7, ("i", "va"): currents[0], ("i", "vb"): currents[1]}
    env = {"temper": 27.0, "time": 0.0, "hertz": 0.0}
    jumps = np.abs(a) < 1e-9  # where rounding of the sweep decides
    for k, text in enumerate(SOURCES):
        e = circuit[f"b{k}"].get("v")
        ours = np.broadcast_to(e.evaluate(env, [probes[p] for p in e.probes]), a.shape)
        compiled, _ = e.compile()(np.array([np.broadcast_to(probes[p], a.shape) for p in e.probes]).reshape(len(e.probes), *a.shape), 0.0, 27.0, 0.0)
        np.testing.assert_allclose(compiled, ours, rtol=1e-13, err_msg=text)
        wrong = ~np.isclose(ours, found[k], rtol=1e-9, atol=1e-11) & ~jumps
        assert not wrong.any(), (text, a[wrong][:3], ours[wrong][:3], found[k][wrong][:3])


def test_expressions_of_parameters(tmp_path):
    head = ".param ka=3.5\n.param kb={ka/2}\n.func twice(x) {2*x}\n"
    lines = [f".param p{k}={{{text}}}\nV{k} n{k} 0 {{p{k}}}" for k, text in enumerate(PARAMETERS)]
    prints = "\n".join(f"print v(n{k})" for k in range(len(PARAMETERS)))
    body = head + "\n".join(lines)
    out = run(f"title\n{body}\n.control\nop\nset numdgt=15\n{prints}\n.endc\n.end\n", tmp_path)
    found = {int(k): float(v) for k, v in re.findall(r"^v\(n(\d+)\) = (\S+)", out, flags=re.MULTILINE)}
    assert len(found) == len(PARAMETERS), out[-2000:]
    circuit = read_spice(f"title\n{body}\n", compat="ngspice")
    for k, text in enumerate(PARAMETERS):
        assert circuit[f"v{k}"].value == pytest.approx(found[k], rel=1e-11, abs=1e-30), text


def test_numbers(tmp_path):
    body = "\n".join(f"V{k} n{k} 0 {text}" for k, text in enumerate(VALUES))
    prints = "\n".join(f"print v(n{k})" for k in range(len(VALUES)))
    out = run(f"title\n{body}\n.control\nop\nset numdgt=15\n{prints}\n.endc\n.end\n", tmp_path)
    found = {int(k): float(v) for k, v in re.findall(r"^v\(n(\d+)\) = (\S+)", out, flags=re.MULTILINE)}
    circuit = read_spice(f"title\n{body}\n")
    for k, text in enumerate(VALUES):
        assert circuit[f"v{k}"].value == pytest.approx(found[k], rel=1e-12), text


def test_differences_by_choice():
    """What is not as in ngspice, unless it is asked for."""
    for text, ours, theirs in (("(-2)**3", -8.0, 8.0), ("2**3**2", 512.0, 64.0), ("pwr(-2,3)", -8.0, 8.0), ("-2**2", -4.0, -4.0)):
        deck = f"title\nR1 a 0 {{{text}}}\n"
        assert read_spice(deck)["r1"].value == ours
        assert read_spice(deck, compat="ngspice")["r1"].value == theirs


WAVES = [
    "PULSE(0 1)", "PULSE(0 1 0 0 0 0 0)", "PULSE(0 1 1u 1u 1u 1u 4u)", "PULSE(1 -1 0.3u 0.1u 0.2u 0.5u 1u)", "PULSE(0 1 0.5u 1u)", "PULSE(0 1 0 0.1u 0.1u 0.2u 1u 2)",
    "SIN(0 1)", "SIN(0.5 1 1meg 1u 1e5 30)", "SIN(0 1 0.7meg)", "EXP(0 2)", "EXP(0 2 1u 0.5u 3u 1u)", "EXP(0 2 0.1u 1u)", "EXP(1 2 0 0 1u)",
    "PWL(0 0 1u 1 2u -1)", "PWL(0.5u 0.5 1u 1)", "PWL(0 0 0.5u 1 1u 0) r=0", "PWL(0 0 0.5u 1 1u 0) r=0.5u td=0.7u",
    "PWL(0 0.5 0.5u 1 1u 0.2) td=0.7u", "SFFM(0.1 1 2meg 3 0.3meg)", "SFFM(0.1 1 2meg 3 0.3meg 30 60)", "SFFM(0.1 1)",
    "AM(2 0.5 0.3meg 2meg 1u)", "AM(2 0.5 0.3meg 2meg 1u 0 40)", "DC 3 SIN(1 1 1meg)",
]


def test_waves(tmp_path):
    body = "\n".join(f"V{k} n{k} 0 {text}\nR{k} n{k} 0 1k" for k, text in enumerate(WAVES))
    names = " ".join(f"v(n{k})" for k in range(len(WAVES)))
    tran = ".tran 10n 5u 0 10n\n"
    run(f"title\n{body}\n{tran}.control\nset wr_singlescale\nset numdgt=15\nrun\nwrdata out.txt {names}\n.endc\n.end\n", tmp_path)
    t, *found = np.loadtxt(tmp_path / "out.txt").T
    circuit = read_spice(f"title\n{body}\n{tran}", compat="ngspice")
    for k, text in enumerate(WAVES):
        ours = np.array([circuit[f"v{k}"].wave.at(s) for s in t])
        jump = text.startswith("PWL") and "r=0.5u" in text  # the point itself
        wrong = np.abs(ours - found[k]) > 1e-9
        assert wrong.sum() <= 3 * jump, (text, t[wrong][:3], ours[wrong][:3], found[k][wrong][:3])
