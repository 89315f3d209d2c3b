"""`temper`: wherever it stands, and however the temperature is set, the number of that temperature.

The right value is that of the same deck with the temperature written as a number.
"""

import numpy as np
import pytest
from crossbarsim.solvers.circuit.control.interpreter import run_commands

from crossbarsim import NetlistError, ParameterError, Solver, read_spice

HOT = 87.0
TRAN = ".tran 50u 500u uic"
AC = ".ac dec 2 100 10k"
DRIVE = "V1 1 0 DC 1 AC 1\nRs 1 2 1k\n"
PULSE = "V1 1 0 PULSE(0 1 0 10u 10u 1m 2m)\nRs 1 2 1k\n"
# element: (its lines, `T` is an expression of temper; its analysis)
ELEMENTS = {
    "r": (DRIVE + "R1 2 0 {10*T}", ".op"),
    "r tc1": (DRIVE + "R1 2 0 1k tc1={1e-4*T}", ".op"),
    "r card": (DRIVE + "R1 2 0 m\n.model m r(r={10*T})", ".op"),
    "r sheet": (DRIVE + "R1 2 0 m l={1u*T} w=1u\n.model m r(rsh={T} tc1=1e-3)", ".op"),
    "r of a node": (DRIVE + "R1 2 0 r={T*(10+v(1))} tc1=1e-3", ".op"),
    "c": (DRIVE + "C1 2 0 {1n*T}", AC),
    "c card": (DRIVE + "C1 2 0 m l=1m w=1m\n.model m c(cj={1m*T})", AC),
    "l": (DRIVE + "L1 2 0 {1m*T}", AC),
    "k": (DRIVE + "L1 2 0 10m\nL2 3 0 10m\nR3 3 0 1\nK1 L1 L2 {T/100}", AC),
    "v": ("V1 1 0 {T}\nR1 1 0 1", ".op"),
    "v pulse": ("V1 1 0 PULSE(0 {T} 0 {10n*T} 1u 1m 2m)\nR1 1 2 1k\nC1 2 0 1u", TRAN),
    "v ac": ("V1 1 0 DC 0 AC {T} {T}\nR1 1 2 1k\nC1 2 0 1u", AC),
    "i": ("I1 1 0 {T}\nR1 1 0 1", ".op"),
    "e": (DRIVE + "Rx 2 0 1k\nE1 3 0 2 0 {T}\nR3 3 0 1", ".op"),
    "e poly": (DRIVE + "Rx 2 0 1k\nE1 3 0 poly(1) 2 0 1 {T}\nR3 3 0 1", ".op"),
    "g": (DRIVE + "Rx 2 0 1k\nG1 3 0 2 0 {T}\nR3 3 0 1", ".op"),
    "g m": (DRIVE + "Rx 2 0 1k\nG1 3 0 2 0 1 m={T}\nR3 3 0 1", ".op"),
    "f": (DRIVE + "Rx 2 0 1k\nF1 3 0 V1 {T}\nR3 3 0 1", ".op"),
    "h": (DRIVE + "Rx 2 0 1k\nH1 3 0 V1 {T}\nR3 3 0 1", ".op"),
    "b": (DRIVE + "Rx 2 0 1k\nB1 3 0 V={T*v(2)} tc1={1e-3*T}\nR3 3 0 1", ".op"),
    "d area": (DRIVE + "D1 2 0 m area={T}\n.model m d", ".op"),
    "d card": (DRIVE + "D1 2 0 m\n.model m d(is={1e-14*T} rs={T})", ".op"),
    "q": (DRIVE + "Rb 1 3 100k\nQ1 2 3 0 m area={T/10}\n.model m npn(bf={T})", ".op"),
    "j": (DRIVE + "J1 2 0 0 m\n.model m njf(beta={1e-5*T})", ".op"),
    "m": (DRIVE + "M1 2 1 0 0 m w={1u*T} l=1u\n.model m nmos(level=1 vto={0.005*T})", ".op"),
    "s": (DRIVE + "S1 2 0 1 0 m\n.model m sw(vt=0.5 ron={T})", ".op"),
    "w": (DRIVE + "W1 2 0 V1 m\n.model m csw(it=-1 ron={T})", ".op"),
    "t": (PULSE + "T1 2 0 3 0 z0={T} td={1u*T}\nR3 3 0 50", TRAN),
    "n": (PULSE + "N1 2 0 m x={T/200}\n.model m linear_ion_drift(r_on={T})", TRAN),
    "crossbar": (DRIVE + "X1 2 0 crossbar rows=1 columns=1 word={T} resistance={10*T}", ".op"),
    "crossbar of memristors": (
        PULSE + "X1 2 0 crossbar rows=1 columns=1 model=m\n.model m vteam(r_off={1k*T})", TRAN
    ),
    "ic": (PULSE + "C1 2 0 1u ic={T/100}", TRAN),
    ".ic": (PULSE + "C1 2 0 1u\n.ic v(2)={T/100}", TRAN),
}
# place of temper: `T` stands for it in an element; the lines that this needs
PLACES = {
    "itself": ("temper", ""),
    "parameter": ("t1", ".param t1={temper}\n"),
    "chain": ("t3", ".param t3='t2/2' t2={2*t1} t1=temper\n"),
    "function": ("f(1)", ".func f(x) {x*temper}\n"),
}
WAYS = {
    ".temp": lambda lines, do: run(f"{lines}\n{do}\n.temp {HOT}")[0],
    ".options": lambda lines, do: run(f"{lines}\n{do}\n.options temp={HOT}")[0],
    ".step": lambda lines, do: run(f"{lines}\n{do}\n.step temp list {HOT}")[0].results[0],
    "temperature=": lambda lines, do: run(f"{lines}\n{do}", temperature=HOT + 273.15)[0],
    "attribute": lambda lines, do: attribute(f"{lines}\n{do}"),
    "set temp": lambda lines, do: control(f"{lines}\n.control\nset temp={HOT}\n{do[1:]}\n.endc"),
    "option": lambda lines, do: control(f"{lines}\n.control\noption temp={HOT}\n{do[1:]}\n.endc"),
}


def run(text, **more):
    return Solver().run(read_spice("title\n" + text), **more)


def attribute(text):
    circuit = read_spice("title\n" + text)
    circuit.temperature = HOT + 273.15
    return Solver().run(circuit)[0]


def control(text):
    circuit = read_spice("title\n" + text)
    return run_commands(circuit).vectors.current.result


def numbers(result):
    """Return what a result holds."""
    return {
        name: np.atleast_1d(value) for name, value in result.to_dict().items() if "temp" not in name
    }


def deck(element, place):
    lines, do = ELEMENTS[element]
    what, more = PLACES[place]
    return more + lines.replace("T}", what + "}").replace("T*", what + "*").replace(
        "T/", what + "/"), do


def right(element, place):
    lines, do = deck(element, place)
    return numbers(run(f"{lines.replace('temper', str(HOT))}\n{do}\n.temp {HOT}")[0])


@pytest.mark.parametrize("element", ELEMENTS)
def test_every_element_place_and_way(element):
    for place in PLACES if ELEMENTS[element][1] == ".op" else ["itself", "parameter"]:
        lines, do = deck(element, place)
        wanted = right(element, place)
        cold = numbers(run(f"{lines}\n{do}")[0])
        assert any(
            cold[n].shape != wanted[n].shape or not np.allclose(cold[n], wanted[n], rtol=1e-5)
            for n in wanted
        ), "temper has no effect"
        ways = WAYS if place == "parameter" else {".step": WAYS[".step"]}
        for way, result in ways.items():
            found = numbers(result(lines, do))
            for name, value in wanted.items():
                np.testing.assert_allclose(
                    found[name], value, rtol=1e-9, atol=1e-15, err_msg=f"{place}, {way}: {name}"
                )
        if do == ".op":
            found = numbers(run(f"{lines}\n.dc temp {HOT} {HOT - 60} -60")[0])
            for name, value in wanted.items():
                np.testing.assert_allclose(
                    found[name][:1], value, rtol=1e-6, atol=1e-12, err_msg=f"{place}, .dc: {name}"
                )


MODEL = "V1 1 0 1\nR1 1 2 1k\nR2 2 0 rm\nR3 3 0 {temper}\nI3 0 3 1\n.model rm r(r='10*temper' tc1={0.1m*temper})\n"


def test_what_was_changed_stays():
    diode = "V4 4 0 0.5\nD4 4 0 dm\n.model dm d(is={1e-14*%s} n=%s)\n"
    circuit = read_spice(f"title\n{MODEL}{diode % ('temper', 1)}.control\nalter r1=2k\nalter r3=5\n"
                         "altermod @dm[n]=2\nset temp=100\nop\n.endc")
    point = run_commands(circuit).vectors.current.result
    ohm = 1000 * (1 + 0.01 * 73)
    assert point["v(2)"] == pytest.approx(ohm / (2000 + ohm), rel=1e-9)
    assert point["v(3)"] == pytest.approx(5.0, rel=1e-9)
    right = Solver().operating_point(read_spice(f"title\n{diode % (100, 2)}.temp 100"))
    assert point["i(v4)"] == pytest.approx(right["i(v4)"], rel=1e-9)


def test_sweeps_beside_the_temperature():
    circuit = read_spice(f"title\n{MODEL}.dc v1 1 2 1 temp 20 40 20")
    found = Solver().run(circuit)[0]
    ohm = np.array([10 * t * (1 + 1e-4 * t * (t - 27)) for t in (20.0, 40.0)])
    right = [v * r / (1000 + r) for r in ohm for v in (1, 2)]
    np.testing.assert_allclose(np.ravel(found["v(2)"]), right, rtol=1e-9)
    current = np.ravel(found["@r2[i]"])
    np.testing.assert_allclose(current, [v / (1000 + r) for r in ohm for v in (1, 2)], rtol=1e-9)


def test_conditions_choose_by_temperature():
    text = "title\nV1 1 0 1\nR1 1 2 1k\n.if (temper > 50)\nR2 2 0 1k\n.else\nR3 2 3 1k\nR4 3 0 1k\n.endif\n"
    circuit = read_spice(text)
    assert Solver().operating_point(circuit)["v(2)"] == pytest.approx(2 / 3)
    assert Solver().operating_point(circuit, temperature=350.0)["v(2)"] == pytest.approx(1 / 2)
    assert "r2" not in circuit
    with pytest.raises(ParameterError, match="other nodes at some points"):
        Solver().dc_sweep(circuit, {"temp": [27, 77]})


def test_writing():
    circuit = read_spice(f"title\n{MODEL}")
    circuit.temperature = 373.15
    again = read_spice(circuit.to_spice())
    assert Solver().operating_point(again)["v(2)"] == pytest.approx(1730 / 2730)
    with pytest.raises(NetlistError, match="sweeps the temperature"):
        read_spice(f"title\n{MODEL}.dc temp 20 40 20").to_spice()


def test_resistors_of_temper_are_resistors():
    circuit = read_spice("title\nV1 1 0 1 ac 1\nR1 1 2 {temper*10}\nR2 2 0 1k\n.temp 100\n.noise v(2) v1 lin 1 1 1")
    found = Solver().run(circuit)[0]
    assert found["onoise_spectrum"][0] == pytest.approx(
        np.sqrt(4 * 1.380649e-23 * 373.15 * 500), rel=1e-6
    )
