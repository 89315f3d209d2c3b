"""A compact model from a measured loop: fit it, see what the data determine, keep it.

The loop here is made up, with 1 % of noise; `read_sweeps("loops.csv")` reads an analyser's.
"""

import matplotlib.pyplot as plt
import numpy as np

from crossbarsim.devices import VTEAM, MeasuredSweep, fit

truth = VTEAM(r_on=1e3, r_off=2e4, k_on=-0.5, v_on=-0.4, v_off=0.3)
time = np.linspace(0.0, 1e-3, 401)  # second
voltage = -np.sin(2e3 * np.pi * time)  # volt
rng = np.random.default_rng(0)
current = truth.simulate(time, voltage).current * (1 + 0.01 * rng.standard_normal(401))

loop = MeasuredSweep(time, voltage, current, start="rest")
found = fit("vteam", loop, ["r_on", "r_off", "v_on"], {"k_on": -0.5, "v_off": 0.3})
print(found)  # values, 95 % intervals, what the data do not determine
found.save("mine.toml", source="made up, 1 % of noise")  # VTEAM.preset("mine.toml")

model = VTEAM.preset("mine.toml").simulate(time, voltage)
figure, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
ax.plot(voltage, 1e3 * current, ".", ms=2, label="measured")
ax.plot(voltage, 1e3 * model.current, label="VTEAM, fitted")
ax.set(xlabel="voltage, V", ylabel="current, mA")
ax.legend()
figure.savefig("fit_a_device.png", dpi=150)
