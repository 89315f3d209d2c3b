"""1T1R: one row is written in time, wires, transistors and devices solved together."""

import matplotlib.pyplot as plt
import numpy as np

from crossbarsim import EKV, Crossbar, OneTransistorOneResistor, Pulse, Solver, Wires
from crossbarsim.devices import VTEAM

cells = OneTransistorOneResistor(
    VTEAM.preset("magic").array(np.full((16, 16), 1e-3)),  # siemens
    EKV.preset("ptm_130nm", width=2e-6), gate_voltage=1.5,
)
array = Crossbar(cells=cells, wires=Wires(word=2.0, bit=2.0))
pulse, off = Pulse(0.0, 1.2, delay=1e-9, rise=1e-9, width=10e-9, fall=1e-9), Pulse(0.0, 0.0)
row = 5
written = Solver().transient(
    array, [pulse if i == row else off for i in range(16)], t_stop=15e-9,
    gate=[Pulse(1.5, 1.5) if i == row else off for i in range(16)],
)
after = written.crossbar.cells.conductance
others = np.delete(after, row, 0)
print(f"row {row}: {after[row].max():.2e} S at most, others: {others.min():.2e} S at least; "
      f"{written.energy:.2e} J")

figure, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
ax.plot(1e9 * written.time, 1e3 * written.currents[:, ::5])
ax.set(xlabel="time, ns", ylabel="current of a bit line, mA", xlim=(0.8, 3))
ax.legend([f"bit line {j}" for j in range(0, 16, 5)])
figure.savefig("write_through_transistors.png", dpi=150)
