"""IR drop inside one tile: what the wires take from every cell, and from the product."""

import matplotlib.pyplot as plt
import numpy as np

from crossbarsim import Crossbar, Solver, Wires

rng = np.random.default_rng(0)
G = rng.uniform(1e-6, 1e-4, (128, 128))  # siemens: 128 word lines, 128 bit lines
V = np.full(128, 0.2)  # volt on every word line
tile = Crossbar(G, Wires(word=2.0, bit=2.0))  # ohm per segment

solution = Solver().solve(tile, V)
ideal = V @ G
lost = 1 - solution.currents / ideal
print(f"currents lost: {lost.min():.1%} to {lost.max():.1%}; {solution.method}, "
      f"{solution.iterations} iterations, residual {solution.residual:.1e}")

cells = solution.word_voltages - solution.bit_voltages  # volt across every cell
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
image = left.imshow(cells / 0.2, vmin=0, vmax=1)
left.set(xlabel="bit line", ylabel="word line", title="voltage across the cell, of the input")
figure.colorbar(image, ax=left)
for ohm in (0.5, 1.0, 2.0, 5.0):
    currents = Solver().solve(Crossbar(G, Wires(word=ohm, bit=ohm)), V).currents
    right.plot(100 * (1 - currents / ideal), label=f"{ohm:g} ohm")
right.set(xlabel="bit line", ylabel="current lost, %", ylim=(0, 100))
right.legend(title="per segment", ncols=2)
figure.savefig("ir_drop_of_a_tile.png", dpi=150)
