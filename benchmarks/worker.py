"""One measurement in a process of its own, with its own threads, memory and time limit."""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

_THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
)
_ROOT = Path(__file__).resolve().parent.parent


def measure(target: str, arguments: dict[str, Any], threads: int, limit: float) -> Any:
    """Return what ``benchmarks.<module>:<function>(**arguments)`` returns, or None past `limit`.

    The process may use `threads` CPUs; libraries are told so, too.
    """
    environment = {**os.environ, **dict.fromkeys(_THREADS, str(threads))}
    call = json.dumps({"target": target, "arguments": arguments, "threads": threads})
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "benchmarks.worker", call], capture_output=True, text=True,
            timeout=limit, cwd=_ROOT, env=environment, check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise RuntimeError(f"{target}({arguments}) failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def peak_memory() -> int:
    """Return the most bytes this process has held in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    call = json.loads(sys.argv[1])
    cpus = sorted(os.sched_getaffinity(0))[: call["threads"]]
    os.sched_setaffinity(0, cpus)
    module, function = call["target"].split(":")
    result = getattr(importlib.import_module(f"benchmarks.{module}"), function)(**call["arguments"])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
