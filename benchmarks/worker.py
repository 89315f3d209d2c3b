"""One measurement in a process of its own, with its own threads, memory and time limit."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .usage import peak_memory

__all__ = ["measure", "peak_memory"]

_THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
)
_ROOT = Path(__file__).resolve().parent.parent


def measure(target: str, arguments: dict[str, Any], threads: int, limit: float) -> Any:
    """Return what ``benchmarks.<module>:<function>(**arguments)`` returns, or None past `limit`.

    The process may use `threads` CPUs; libraries are told so, too.
    """
    environment = {**os.environ, "PYTHONUTF8": "1", **dict.fromkeys(_THREADS, str(threads))}
    call = json.dumps({"target": target, "arguments": arguments, "threads": threads})
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "benchmarks.worker", call], capture_output=True,
            encoding="utf-8", timeout=limit, cwd=_ROOT, env=environment, check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise RuntimeError(f"{target}({arguments}) failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    call = json.loads(sys.argv[1])
    if hasattr(os, "sched_setaffinity"):  # Linux alone; elsewhere the libraries' own limits must do
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: call["threads"]])
    module, function = call["target"].split(":")
    result = getattr(importlib.import_module(f"benchmarks.{module}"), function)(**call["arguments"])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
