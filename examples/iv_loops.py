"""I-V loops of compact models with their published parameters, at two frequencies."""

import matplotlib.pyplot as plt

from crossbarsim.devices import VTEAM, LinearIonDrift, StanfordPKU
from crossbarsim.devices.plots import plot_iv

figure, axes = plt.subplots(2, 3, figsize=(11, 6.4), layout="constrained")
cases = (
    ("linear ion drift", LinearIonDrift(), 1.0, (1.0, 10.0)),  # volt, hertz
    ("VTEAM", VTEAM.preset("memtorch"), 1.0, (10e6, 50e6)),
    ("Stanford/PKU", StanfordPKU(), 1.6, (1e6, 10e6)),
)
for column, (name, device, amplitude, frequencies) in zip(axes.T, cases, strict=True):
    for ax, frequency in zip(column, frequencies, strict=True):
        loop = device.hysteresis(amplitude, frequency, cycles=2)
        plot_iv(loop, ax=ax)
        ax.set_title(f"{name}, {frequency:g} Hz")
        span = loop.conductance[1:-1]
        print(f"{name} at {frequency:g} Hz: {span.min():.2e} to {span.max():.2e} S")
figure.savefig("iv_loops.png", dpi=150)
