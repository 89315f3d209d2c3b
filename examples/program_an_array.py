"""Write an array through its wires: pulses, verifying reads, half-selected neighbours."""

import matplotlib.pyplot as plt
import numpy as np

from crossbarsim import Crossbar, Wires
from crossbarsim.devices import VTEAM
from crossbarsim.programming import program

goal = np.geomspace(1e-5, 2e-4, 36).reshape(6, 6)  # siemens
blank = VTEAM.preset("magic", v_off=1.0).array(np.full((6, 6), 8e-6))
for ohm in (0.0, 5.0):
    array = Crossbar(cells=blank, wires=Wires(word=ohm, bit=ohm))
    result = program(array, goal, scheme="v/2", tolerance=0.03)
    print(f"{ohm:g} ohm: {result}")
    print(f"   {int(np.sum(result.pulses))} pulses, {result.energy:.2e} J, {result.time:.2e} s")

written = result.crossbar.cells.conductance
figure, ax = plt.subplots(figsize=(4.6, 3.6), layout="constrained")
image = ax.imshow(100 * (written / goal - 1), cmap="coolwarm", vmin=-5, vmax=5)
ax.set(xlabel="bit line", ylabel="word line", title="5 ohm per segment")
figure.colorbar(image, ax=ax, label="cell's own error, %")
figure.savefig("program_an_array.png", dpi=150)
