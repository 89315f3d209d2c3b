"""Tiotto's published Python models of memristors (Yakopcic's, HP's), integrated by SciPy.

Run with the folder `backend` of github.com/thomastiotto/Memristor-Models on PYTHONPATH:

    python -m benchmarks.validation.others.tiotto_models
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from ..stored import digits, store

POINTS = 201
NAMES = {"oblea_sine": 1.0, "miao": 1.0, "jo": 1.0, "hp_labs_sine": 0.5, "hp_labs_pulsed": 0.25}


def main() -> None:
    """Run each published experiment."""
    import experiments  # type: ignore[import-not-found]  # noqa: PLC0415

    data: dict[str, Any] = {}
    for name, share in NAMES.items():
        made = getattr(experiments, name)()
        t = np.linspace(0.0, made.t_max * share, POINTS)
        law, current = made.functions["dxdt"], made.functions["I"]
        found = solve_ivp(
            lambda s, x, law=law: np.ravel(law(s, x)), (t[0], t[-1]), [made.simulation["x0"]],
            method="LSODA", t_eval=t, rtol=1e-9, atol=1e-12, max_step=(t[-1] - t[0]) / 4000,
        )
        volts = np.array([float(made.functions["V"](s)) for s in t])
        amperes = [float(np.ravel(current(s, x))[0]) for s, x in zip(t, found.y[0], strict=True)]
        kept = {k: v for k, v in made.memristor_args.items() if isinstance(v, (int, float))}
        data[name] = {
            "parameters": kept | {"x0": made.simulation["x0"]},
            "window": made.window_function_args or {}, "input": made.input_args,
            "time": digits(t.tolist()), "voltage": digits(volts.tolist(), 12),
            "current": digits(amperes), "state": digits(found.y[0].tolist()),
        }
    store("tiotto_models", {
        "tool": "models of github.com/thomastiotto/Memristor-Models, 1dcb5f3, by SciPy's LSODA",
        "script": "benchmarks/validation/others/tiotto_models.py",
    }, data)


if __name__ == "__main__":
    main()
