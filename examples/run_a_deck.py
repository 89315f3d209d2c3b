"""A SPICE deck on our engine: a crossbar in one line, drivers and amplifiers around it."""

import matplotlib.pyplot as plt

from crossbarsim import Solver, read_spice

circuit = read_spice("""a column is read through an amplifier
.param v=0.2
.model cell vteam(r_on=10k r_off=200k)
X1 w0 w1 w2 w3 b0 b1 crossbar rows=4 columns=2 word=2 bit=2 model=cell resistance=40k
V0 w0 0 PULSE(0 {v} 1n 1n 1n 20n)
V1 w1 0 PULSE(0 {v} 6n 1n 1n 20n)
V2 w2 0 PULSE(0 {v} 11n 1n 1n 20n)
V3 w3 0 PULSE(0 {v} 16n 1n 1n 20n)
E0 out0 0 0 b0 1e4
Rf b0 out0 10k
Cf b0 out0 50f
R1 b1 0 1
.tran 0.1n 40n
.measure tran peak min v(out0)
.end
""")
(wave,) = Solver().run(circuit)
print(f"the amplifier reaches {wave.measures['peak']:.4f} V")
wave.to_raw("run_a_deck.raw")  # for ngspice's and other viewers
deck = circuit.to_spice("ngspice")
print(f"{len(deck.splitlines())} lines for ngspice, {circuit.notes or 'nothing noted'}")

figure, ax = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
ax.plot(1e9 * wave["time"], 1e3 * wave["v(out0)"], label="amplifier's output")
ax.plot(1e9 * wave["time"], 1e3 * wave["v(x1.wl3_1)"], label="far end of word line 3")
ax.set(xlabel="time, ns", ylabel="voltage, mV")
ax.legend(loc="center left")
figure.savefig("run_a_deck.png", dpi=150)
