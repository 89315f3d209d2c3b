"""The circuits that badcrossbar's authors solved with Qucs: their published node voltages.

python -m benchmarks.validation.others.badcrossbar_qucs PATH/TO/badcrossbar/tests/qucs
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..stored import store

FIELDS = ("resistance", "applied", "word", "bit", "output", "device", "word_current",
          "bit_current", "word_voltage", "bit_voltage")


class _Arrays(pickle.Unpickler):
    """Reads pickled arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("numpy") and name in {"_reconstruct", "ndarray", "dtype"}:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        raise pickle.UnpicklingError(f"{module}.{name} is no array")


def main(folder: str) -> None:
    """Collect the circuits; a resistance that is infinite is written as null."""
    data: dict[str, Any] = {}
    for path in sorted(Path(folder).glob("*.pickle")):
        with path.open("rb") as stream:
            values = _Arrays(stream).load()
        found = {}
        for name, value in zip(FIELDS, values, strict=True):
            if name in {"device", "word_current", "bit_current"}:
                continue
            array = np.asarray(value, dtype=float)
            found[name] = np.where(np.isfinite(array), array, None).tolist() if array.ndim else float(array)
        data[path.stem] = found
    store("badcrossbar_qucs", {
        "tool": "Qucs, run by the authors of badcrossbar (Joksas and Mehonic, SoftwareX 12:100617, "
        "2020, doi 10.1016/j.softx.2020.100617): tests/qucs of its repository, 1c42e09",
        "script": "benchmarks/validation/others/badcrossbar_qucs.py",
    }, data)


if __name__ == "__main__":
    main(sys.argv[1])
