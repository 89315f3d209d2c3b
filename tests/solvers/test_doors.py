"""Two products, two doors: what acts on crossbars, what acts on circuits, and nothing else."""

import dataclasses
import importlib
import inspect

import numpy as np
import pytest
from crossbarsim.solvers import ArrayBackend, CrossbarSolver, Silent
from crossbarsim.solvers.objectives import Mean, ValueAt

from crossbarsim import (
    Circuit,
    ConvergenceError,
    Crossbar,
    ParameterError,
    Simulator,
    Solver,
    Wires,
    read_spice,
    solvers,
)
from crossbarsim.devices import VTEAM, StaticSinh

RC = Circuit().V(1, "in", 0, 1.0).R(1, "in", "out", "1k").C(1, "out", 0, "1u")
DRIVE = ([0.0, 1e-9], np.zeros((2, 2)))
VERBS = {
    "operating_point": (), "dc_sweep": ({"v1": [0.0, 1.0]},), "transient": (1e-3,),
    "transient_sensitivities": (ValueAt("v(out)", 1e-3), 1e-3), "transient_adjoint": (1e-3,),
    "ac": ([10.0],), "noise": ("v(out)", "v1", [10.0]), "transfer_function": ("v(out)", "v1"),
    "sensitivities": ("v(out)",), "run": (),
}


def array():
    return Crossbar(cells=VTEAM().array(conductance=np.full((2, 2), 2e-3)))


def diode(kelvin=None):
    circuit = Circuit().V("s", "in", 0, 2.0).R(1, "in", "a", "1k")
    circuit.model("dd", "d", is_=1e-14)
    circuit.D(1, "a", 0, "dd")
    if kelvin is not None:
        circuit.temperature = kelvin
    return circuit


# -- arguments of the other kind -------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), [
    ("rtol", "nonsense"), ("rtol", 1e-30), ("probes", ("nope",)), ("gate", 5), ("seed", 3),
    ("waveforms", 1e-3),
])
def test_a_circuit_refuses_arguments_of_arrays(name, value):
    with pytest.raises(ParameterError, match=rf"`{name}` does not act on a Circuit: CrossbarSolver\.transient takes it"):
        Solver().transient(RC, 1e-3, **{name: value})


@pytest.mark.parametrize(("name", "value"), [
    ("step", 1e-9), ("start", 5e-10), ("uic", True), ("save", ["v(nope)"]), ("temperature", 400.0),
])
def test_an_array_refuses_arguments_of_circuits(name, value):
    with pytest.raises(ParameterError, match=rf"`{name}` does not act on a Crossbar: Simulator\.transient takes it"):
        Solver().transient(array(), DRIVE, **{name: value})


def test_other_wrong_arguments():
    with pytest.raises(ParameterError, match="2 arguments by position, of which a Circuit takes 1"):
        Solver().transient(RC, None, 1e-3)
    with pytest.raises(ParameterError, match="must be a Crossbar or a Circuit; got dict"):
        Solver().transient({}, 1e-3)
    with pytest.raises(TypeError, match="bogus"):
        Solver().transient(RC, 1e-3, bogus=1)
    with pytest.raises(ParameterError, match="must be a Crossbar; got Circuit"):
        CrossbarSolver().transient(RC, 1e-3)
    for verb, arguments in VERBS.items():
        for door in (Solver(), Simulator()):
            with pytest.raises(ParameterError, match="must be a C"):
                getattr(door, verb)({}, *arguments)
    with pytest.raises(ParameterError, match=r"`save` must be a sequence, each a string"):
        Simulator().transient(RC, 1e-3, save="v(out)")
    with pytest.raises(ParameterError, match=r"`sweeps\['v1'\]` must be real numbers"):
        Simulator().dc_sweep(RC, {"v1": ["one"]})


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("field", "value", "where"), [
    ("method", "mna", r"circuit\.expanded\(\)"), ("backend", ArrayBackend(), "on the CPU"),
    ("rtol", 1e-9, "reltol"), ("on_failure", "return", "ConvergenceError"),
    ("max_iterations", 5, "itl1"), ("threads", 2, "one thread"),
])
def test_settings_that_do_not_act_on_circuits_are_refused(verb, field, value, where):
    with pytest.raises(ParameterError, match=rf"Solver\({field}=.*\) does not act on circuits: .*{where}"):
        getattr(Solver(**{field: value}), verb)(RC, *VERBS[verb])


@pytest.mark.parametrize("setting", [
    {"threads": 1}, {"method": "structured"}, {"backend": "auto"}, {"rtol": 1e-10},
])
def test_settings_that_circuits_obey(setting):
    assert Solver(**setting).operating_point(RC)["v(out)"] == pytest.approx(1.0)


# -- one verb, two doors ---------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_the_front_door_hands_circuits_on(verb):
    one, two = (getattr(door, verb)(RC, *VERBS[verb]) for door in (Solver(), Simulator()))
    assert type(one) is type(two)
    if verb not in ("transfer_function", "transient_adjoint", "run"):
        name = {"sensitivities": "r1", "transient_sensitivities": "r1", "noise": "onoise_r1"}.get(verb, "v(out)")
        np.testing.assert_array_equal(one[name], two[name])


@pytest.mark.parametrize("verb", [v for v in VERBS if v != "transient"])
def test_both_doors_have_one_signature(verb):
    mine, its = (inspect.signature(getattr(door, verb)) for door in (Solver, Simulator))
    assert mine == its


def test_settings():
    assert [f.name for f in dataclasses.fields(Simulator)] == ["temperature", "options", "progress"]
    assert [f.name for f in dataclasses.fields(Solver)] == [f.name for f in dataclasses.fields(CrossbarSolver)]
    assert hash(Simulator(options={"reltol": 1e-4})) == hash(Simulator(options={"reltol": 1e-4}))
    for wrong, message in (
        ({"temperature": 0.0}, "`temperature` must be a finite number > 0 kelvin"),
        ({"temperature": "hot"}, "`temperature`"),
        ({"options": {"reltl": 1e-3}}, "no option 'reltl'; did you mean `reltol`"),
        ({"options": {"temp": 27}}, "no option 'temp'"),
        ({"options": {"reltol": -1.0}}, "`reltol` must be > 0"),
        ({"options": {"method": "leapfrog"}}, "trap, gear or euler"),
        ({"progress": 3}, "`progress` must be True or False or a function"),
    ):
        with pytest.raises(ParameterError, match=message):
            Simulator(**wrong)
    for wrong in ({"threads": 0}, {"max_iterations": 1.5}, {"rtol": 1.0}, {"on_failure": "ignore"}):
        with pytest.raises(ParameterError):
            CrossbarSolver(**wrong)


def test_options_act_and_leave_the_circuit_alone():
    coarse = Simulator().transient(RC, 1e-2, uic=True)
    fine = Simulator(options={"RELTOL": "1u", "trtol": 1.0}).transient(RC, 1e-2, uic=True, max_step=1e-2)

    def error(run):
        return np.abs(run["v(out)"] - (1.0 - np.exp(-run.time / 1e-3))).max()

    assert error(fine) < 1e-4 < error(coarse)
    assert RC.options == {}
    assert coarse.circuit is RC
    assert fine.circuit.options["reltol"] == 1e-6


def test_an_array_that_fails_returns_what_it_reached():
    cells = StaticSinh(v_0=1e-4).array(state=np.full((1, 2, 2), 1e-3))
    xbar = Crossbar(cells=cells, wires=Wires(1e-6, 1e-6))
    drive = ([0.0, 1e-9, 2e-9], [[0, 0], [0, 0], [2, 2]])
    with pytest.raises(ConvergenceError):
        Solver().transient(xbar, drive)
    for backend in ("cpu", ArrayBackend()):
        solver = Solver(on_failure="return", backend=backend)
        for run in (solver.transient(xbar, drive), *solver.transient_many([xbar], drive)):
            assert not run.success
            assert "cell (" in run.message
            assert len(run.time) == len(run.currents)
            assert run.time[-1] < 2e-9


# -- temperature -----------------------------------------------------------------------------------


def test_temperature_means_the_same_in_every_verb():
    hot, there = diode(), diode(400.0)
    cold = Simulator().operating_point(hot)["v(a)"]
    expected = Simulator().operating_point(there)["v(a)"]
    assert expected < cold - 0.1
    for door in (Solver(), Simulator(), Simulator(temperature=350.0)):
        assert door.operating_point(hot, temperature=400.0)["v(a)"] == expected
        np.testing.assert_array_equal(
            door.dc_sweep(hot, {"vs": [1.0, 2.0]}, temperature=400.0)["v(a)"],
            Simulator().dc_sweep(there, {"vs": [1.0, 2.0]})["v(a)"],
        )
        np.testing.assert_array_equal(
            door.transient(hot, 1e-6, temperature=400.0)["v(a)"],
            Simulator().transient(there, 1e-6)["v(a)"],
        )
        np.testing.assert_array_equal(door.run(hot, temperature=400.0)[0]["v(a)"], expected)
        for verb, arguments in (("noise", ("v(a)", "vs", [1.0])), ("transfer_function", ("v(a)", "vs")),
                                ("sensitivities", ("v(a)",)),
                                ("transient_sensitivities", (Mean("v(a)"), 1e-6))):
            name = {"noise": "onoise_total", "transfer_function": "transfer_function"}.get(verb, "r1")
            assert getattr(door, verb)(hot, *arguments, temperature=400.0)[name] == (
                getattr(Simulator(), verb)(there, *arguments)[name])
    assert Simulator(temperature=400.0).operating_point(hot)["v(a)"] == expected
    assert hot.temperature == 300.15
    with pytest.raises(ParameterError, match="`temperature` must be"):
        Solver().dc_sweep(hot, {"vs": [1.0]}, temperature=-3.0)


def test_a_swept_temperature_counts_more():
    swept = Simulator(temperature=400.0).dc_sweep(diode(), {"temp": [27.0, 126.85]})["v(a)"]
    assert swept[0] == Simulator().operating_point(diode())["v(a)"]
    assert swept[1] == pytest.approx(Simulator().operating_point(diode(400.0))["v(a)"], rel=1e-6)


DECK = """stepped
.param r=1k
V1 in 0 2
R1 in a {r}
D1 a 0 dd
.model dd d(is=1e-14)
"""


def test_temperature_and_options_outlive_parameters_that_change():
    """Circuits are read anew for every value of a parameter."""
    hot = Simulator(temperature=400.0, options={"reltol": 1e-7})
    expected = [Simulator(temperature=400.0).operating_point(read_spice(DECK, parameters={"r": r}))["v(a)"]
                for r in (1e3, 2e3)]
    (stepped,) = hot.run(read_spice(DECK + ".step param r list 1k 2k\n.op\n"))
    np.testing.assert_allclose(stepped["v(a)"], expected, rtol=1e-4)
    assert [r.circuit.options["reltol"] for r in stepped.results] == [1e-7, 1e-7]
    (swept,) = hot.run(read_spice(DECK + ".dc param r list 1k 2k\n"))
    np.testing.assert_allclose(swept["v(a)"], expected, rtol=1e-4)
    np.testing.assert_allclose(hot.dc_sweep(read_spice(DECK), {"r": [1e3, 2e3]})["v(a)"], expected, rtol=1e-4)
    (temperatures,) = hot.run(read_spice(DECK + ".step temp list 27 126.85\n.op\n"))
    cold = Simulator().operating_point(read_spice(DECK))["v(a)"]
    np.testing.assert_allclose(temperatures["v(a)"], [cold, expected[0]], rtol=1e-4)


# -- progress --------------------------------------------------------------------------------------


class Meter(Silent):
    """Counts what it hears."""

    def __init__(self):
        self.heard = {}

    def begin(self, task, total, done=0):
        self.heard[task] = [done, total]

    def advance(self, task, note=""):
        assert isinstance(note, str)
        self.heard[task][0] += 1


ASKED = {
    "transient": lambda progress: Solver().transient(RC, 1e-3, progress=progress),
    "dc": lambda progress: Simulator().dc_sweep(RC, {"v1": [0.0, 1.0, 2.0]}, progress=progress),
    "simulator": lambda progress: Simulator(progress=progress).transient(RC, 1e-3),
    "adjoint": lambda progress: Simulator().transient_adjoint(RC, 1e-3, progress=progress),
    "array": lambda progress: Solver().transient(array(), DRIVE, progress=progress),
    "arrays": lambda progress: Solver().transient_many([array(), array()], DRIVE, progress=progress),
    "deck": lambda progress: Solver().run(read_spice(DECK + ".tran 1n 10n\n.op\n"), progress=progress),
    "steps": lambda progress: Solver().run(read_spice(DECK + ".step param r list 1k 2k\n.op\n"), progress=progress),
}


@pytest.mark.parametrize("verb", ASKED)
def test_progress_of_every_kind(verb, capsys):
    run, shares, meter = ASKED[verb], [], Meter()
    run(shares.append)
    assert shares[-1] == 1.0
    assert all(0.0 <= s <= 1.0 for s in shares)
    run(meter)
    assert meter.heard
    assert all(done == total for done, total in meter.heard.values())
    for silent in (False, None):
        run(silent)
        assert not capsys.readouterr().out
    run(True)
    assert "100%" in capsys.readouterr().out
    with pytest.raises(ParameterError, match="`progress` must be"):
        run("loud")


def test_a_verb_s_own_progress_counts_more(capsys):
    mine, its = [], []
    Simulator(progress=its.append).transient(RC, 1e-3, progress=mine.append)
    assert mine
    assert not its
    Simulator(progress=True).transient(RC, 1e-3, progress=False)
    assert not capsys.readouterr().out


# -- results ---------------------------------------------------------------------------------------


def test_results_have_a_public_place():
    assert sorted(solvers.__all__) == solvers.__all__
    for name in solvers.__all__:
        assert getattr(solvers, name) is not None
        assert name in dir(solvers)
    with pytest.raises(AttributeError, match="no attribute 'Sovler'"):
        solvers.Sovler  # noqa: B018
    objectives = importlib.import_module("crossbarsim.solvers.objectives")
    assert objectives.ValueAt is solvers.ValueAt
    assert isinstance(Solver().run(RC)[0], solvers.OperatingPoint)


def test_every_result_answers_names_and_has_measures():
    deck = read_spice(DECK.replace("V1 in 0 2", "V1 in 0 sin(1 0.5 1meg) ac 1") + """
.op
.dc v1 0 1 0.5
.tran 10n 2u
.four 1meg v(a) v(in)
.ac lin 2 1 10
.noise v(a) v1 lin 2 1 10
.tf v(a) v1
.sens v(a)
.measure tran top max v(a)
""")
    found = Solver().run(deck)
    assert [type(r).__name__ for r in found] == [
        "OperatingPoint", "Sweep", "Transient", "Fourier", "Spectrum", "NoiseSpectrum", "TransferFunction", "Sensitivities",
    ]
    names = ["v(a)", "v(a)", "v(a)", "v(a)", "v(a)", "onoise_total", "transfer_function", "r1"]
    for result, name in zip(found, names, strict=True):
        assert result[name] is not None
        assert set(result.measures) == ({"top"} if type(result).__name__ == "Transient" else set())
    fourier = found[3]
    assert fourier["V(IN)"] is fourier[1]
    assert fourier[:1] == [fourier[0]]
    with pytest.raises(ParameterError, match=r"no Fourier analysis of 'v\(b\)'; there is that of v\(a\), v\(in\)"):
        fourier["v(b)"]
