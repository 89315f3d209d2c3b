"""CrossSim on the digits network and on single arrays, its relaxation at a tight threshold.

python -m benchmarks.validation.others.cross_sim      (with CrossSim installed)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..networks.digits import network, train
from ..stored import digits, store

R_MIN, R_MAX = 1e4, 1e6
OHMS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
TIGHT = 1e-11
SHOWN = 20  # images of which the outputs are kept


def parameters(ohm: float, threshold: float = TIGHT) -> Any:
    """Return CrossSim's parameters of a pair of arrays whose currents are subtracted."""
    from simulator import CrossSimParameters  # type: ignore[import-not-found]  # noqa: PLC0415

    made = CrossSimParameters()
    made.core.style = "BALANCED"
    made.core.balanced.interleaved_posneg = False
    made.core.balanced.subtract_current_in_xbar = False
    made.xbar.device.Rmin, made.xbar.device.Rmax = R_MIN, R_MAX
    made.xbar.device.infinite_on_off_ratio = False
    made.xbar.array.parasitics.enable = ohm > 0
    made.xbar.array.parasitics.Rp_row = made.xbar.array.parasitics.Rp_col = ohm
    made.simulation.Verr_th_mvm = threshold
    made.simulation.Niters_max_parasitics = 20000
    made.simulation.relaxation_gamma = 0.9 if ohm < 20 else 0.4
    return made


def products(matrix: Any, vectors: Any, ohm: float) -> Any:
    """Return CrossSim's outputs of vectors (B, inputs), scaled back as it scales them."""
    from simulator import AnalogCore  # noqa: PLC0415

    core = AnalogCore(matrix, parameters(ohm))
    return np.array([core.matvec(v) for v in vectors])


def main() -> None:
    """Run both layers on CrossSim's arrays at every wire resistance."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    weights = train()
    net = network(*weights)
    scale = net.images.max()
    data: dict[str, Any] = {
        "first": net.first.tolist(), "second": net.second.tolist(),
        "r_min": R_MIN, "r_max": R_MAX, "ohms": list(OHMS),
    }
    accuracy, hidden_kept, logits_kept = [], [], []
    for ohm in OHMS:
        hidden = products(net.first, net.images / scale, ohm) * scale
        largest = np.abs(np.maximum(hidden, 0.0)).max()
        logits = products(net.second, np.maximum(hidden, 0.0) / largest, ohm) * largest
        accuracy.append(float((logits.argmax(1) == net.labels).mean()))
        hidden_kept.append(digits(hidden[:SHOWN].tolist()))
        logits_kept.append(digits(logits[:SHOWN].tolist()))
        print(ohm, accuracy[-1], flush=True)
    data |= {"accuracy": accuracy, "hidden": hidden_kept, "logits": logits_kept}
    try:
        release = version("cross-sim")
    except PackageNotFoundError:
        release = "3.2"
    store("cross_sim", {
        "tool": f"CrossSim {release} (github.com/sandialabs/cross-sim, 0a2eb1e): AnalogCore, BALANCED, "
        f"parasitics on, Verr_th_mvm {TIGHT:g}",
        "script": "benchmarks/validation/others/cross_sim.py",
    }, data)


if __name__ == "__main__":
    main()
