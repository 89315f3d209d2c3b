"""Sneak paths: how large a passive array can be read, without and with a selector."""

import matplotlib.pyplot as plt

from crossbarsim import Wires
from crossbarsim.devices import ExponentialSelector
from crossbarsim.studies import read_margin

sizes = [4, 8, 16, 32, 64]
study = read_margin(
    sizes, schemes=("floating", "v/2"),
    selector={"no selector": None, "exponential selector": ExponentialSelector()},
    r_on=10e3, r_off=1e6, wires=Wires(word=1.0, bit=1.0),  # ohm
    read_voltage=1.0,
)
table = study.table  # pandas
print(table.to_string(index=False))

figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
for (scheme, selector), rows in table.groupby(["scheme", "selector"]):
    ax.plot(rows["size"], rows["margin"], "o-", label=f"{scheme}, {selector}")
ax.set(xlabel="rows and columns", ylabel="read margin", ylim=(0, 1.05))
ax.set_xscale("log", base=2)
ax.set_xticks(sizes, [str(size) for size in sizes])
ax.legend()
figure.savefig("sneak_paths.png", dpi=150)
