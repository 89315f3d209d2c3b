"""A memristor written in Verilog-A as the cells of an array; no compiler is needed."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from crossbarsim import Crossbar, Solver, Wires
from crossbarsim.devices import read_verilog_a

Path("drift.va").write_text("""
`include "disciplines.vams"
module drift(p, n);
  inout p, n;
  electrical p, n, w;                    // w: the state, as the voltage of a node
  parameter real r_on = 1e3 from (0:inf), r_off = 2e4 from (0:inf), k = 1e8 from (0:inf);
  real i;
  analog begin
    i = V(p, n) / (r_on * V(w) + r_off * (1.0 - V(w)));
    I(p, n) <+ i;
    I(w) <+ ddt(V(w)) - k * i * V(w) * (1.0 - V(w));
    if (analysis("static")) I(w) <+ 1e12 * (V(w) - 0.1);
  end
endmodule
""", encoding="utf-8")

Drift = read_verilog_a("drift.va", bounds={"w": (0.0, 1.0)})
device = Drift(r_off=1e4)
loop = device.hysteresis(1.0, 1e3, cycles=2)  # volt, hertz
array = Crossbar(cells=device.array((32, 32)), wires=Wires(word=2.0, bit=2.0))
read = Solver().solve(array, np.full(32, 0.2))
print(f"{read.currents[0]:.3e} A of {32 * 0.2 / (0.1 * 1e3 + 0.9 * 1e4):.3e} A without wires")

figure, ax = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
ax.plot(loop.voltage, 1e3 * loop.current)
ax.set(xlabel="voltage, V", ylabel="current, mA", title="drift.va at 1 kHz")
figure.savefig("verilog_a_cells.png", dpi=150)
