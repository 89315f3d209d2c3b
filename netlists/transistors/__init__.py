"""MOS transistors as the whole package has them: their laws and what temperature does to them.

One scalar law a model (`level1`, `ekv`), from which the kernels of circuits and of crossbars' cells
are differentiated and the text for ngspice is written; `temperature` is silicon's. A new model is a
file here, a card in `spice/cards/mos.py` and a group in `solvers/circuit/elements/semiconductors`.
"""
