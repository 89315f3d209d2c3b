"""Functions of points that worker processes import."""

import os
import signal
import time
from pathlib import Path

import torch


def square(x, seed=0):
    torch.manual_seed(seed)
    return {"square": float(x * x), "drawn": float(torch.randn(50).sum()), "threads": torch.get_num_threads()}


def sleeping(x, seconds):
    time.sleep(seconds)
    return float(x)


def where(x):
    time.sleep(0.05)
    return {"pid": os.getpid(), "same": x}


def deadly(x, place):
    """Kill the worker of point 3, once: where the file is not there yet."""
    if x == 3 and not Path(place).exists():
        Path(place).write_text("killed", encoding="utf-8")
        os.kill(os.getpid(), signal.SIGKILL)
    return float(x)


def always_deadly(x):
    if x == 3:
        os._exit(3)
    return float(x)


def picky(x):
    if x == 2:
        raise ValueError("no two")
    return float(x)
