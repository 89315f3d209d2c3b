"""What a type checker says of the README's main calls; `test_types` compares the comments."""

from typing import reveal_type

import numpy as np
from crossbarsim.solvers import Energy, OperatingPoint, ProgressMeter, Result, RichProgress, ValueAt
from crossbarsim.solvers import Transient as CircuitTransient

from crossbarsim import Circuit, Crossbar, Pulse, Simulator, Solver, Wires, read_spice
from crossbarsim.devices import VTEAM
from crossbarsim.programming import program

G, V = np.full((8, 8), 1e-4), np.full(8, 0.2)
xbar = Crossbar(conductance=G, wires=Wires(word=1.0, bit=1.0))
sol = Solver().solve(xbar, V)
reveal_type(sol)  # Solution
reveal_type(sol.currents)  # ndarray[tuple[Any, ...], dtype[float64]]
reveal_type(sol.power)  # float | ndarray[tuple[Any, ...], dtype[float64]]
reveal_type(sol.residual)  # float
reveal_type(Solver().solve_many([xbar], [V]))  # list[Solution]
reveal_type(Solver().effective_matrix(xbar))  # ndarray[tuple[Any, ...], dtype[float64]]
reveal_type(Solver().vjp(sol, np.ones(8)))  # Gradients

array = Crossbar(cells=VTEAM().array(conductance=G))
pulse = Pulse(0.0, 1.2, delay=1e-9, rise=1e-9, width=10e-9, fall=1e-9)
write = Solver().transient(array, [pulse] * 8, t_stop=15e-9, probes=["state", ("conductance", (0, 1))])
reveal_type(write)  # TransientResult
reveal_type(write["state"])  # ndarray[tuple[Any, ...], dtype[float64]]
reveal_type(Solver().transient(array, ([0.0, 1e-9], np.zeros((2, 8))), seed=1, progress=True))  # TransientResult
reveal_type(Solver().transient(array, {"word_left": pulse, "gate": [pulse] * 8}, 1e-8))  # TransientResult
reveal_type(Solver().transient_many([array], [pulse] * 8, 1e-8, seed=np.random.SeedSequence(1)))  # list[TransientResult]
reveal_type(program(array, G, progress=True, seed=1))  # ProgramResult

circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "out", "1k").C(1, "out", 0, "1u")
for door in (Solver(), Simulator()):
    reveal_type(door.run(circuit))  # list[Result]
reveal_type(Solver().transient(circuit, 1e-3))  # Transient
reveal_type(Solver().transient(circuit, t_stop="1m", temperature=400.0))  # Transient
reveal_type(Simulator(temperature=400.0).transient(circuit, 1e-3)["v(out)"])  # ndarray[tuple[Any, ...], dtype[float64]]
reveal_type(Solver().operating_point(circuit)["v(out)"])  # float
reveal_type(Solver().dc_sweep(circuit, {"v1": [0.0, 1.0]}))  # Sweep
reveal_type(Solver().ac(circuit, [1e3]))  # Spectrum
reveal_type(Solver().noise(circuit, "v(out)", "v1", [1e3]))  # NoiseSpectrum
reveal_type(Solver().transfer_function(circuit, "v(out)", "v1").gain)  # float
reveal_type(Solver().sensitivities(circuit, "v(out)"))  # Sensitivities
reveal_type(Solver().sensitivities(circuit, "v(out)", [1e3]))  # SensitivitySpectrum
end = Solver().transient_sensitivities(circuit, ValueAt("v(out)", 1e-3), 1e-3)
reveal_type(end)  # TransientSensitivities
reveal_type(end["r1"])  # float
reveal_type(Solver().transient_sensitivities(circuit, [ValueAt("v(out)", 1e-3), Energy("v1")], 1e-3))  # list[TransientSensitivities]
reveal_type(Solver().transient_adjoint(circuit, 1e-3))  # TransientAdjoint

(wave,) = Solver().run(read_spice("deck.cir"))
reveal_type(wave)  # Result
assert wave.measures["ripple"] < 2.0
if isinstance(wave, CircuitTransient):
    reveal_type(wave.time)  # ndarray[tuple[Any, ...], dtype[float64]]
every: list[Result] = [Solver().operating_point(circuit), Solver().ac(circuit, 1.0), end]
point: OperatingPoint = Simulator().operating_point(circuit)
bars: ProgressMeter = RichProgress()

# what must not pass
Solver().transient(circuit, 1e-3, rtol=1e-3)  # type: ignore[call-overload]
Solver().transient(circuit, 1e-3, probes=["state"])  # type: ignore[call-overload]
Solver().transient(array, [pulse] * 8, step=1e-9)  # type: ignore[call-overload]
Solver().transient(array, [pulse] * 8, probes=["voltage"])  # type: ignore[list-item]
Solver().transient(array, [pulse] * 8, seed=1.5)  # type: ignore[call-overload]
Solver().operating_point(xbar)  # type: ignore[arg-type]
Simulator().ac(circuit, {"a": 1})  # type: ignore[arg-type]
Simulator().transient(circuit, 1e-3, progress=3)  # type: ignore[arg-type]
