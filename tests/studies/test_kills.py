"""Studies that are killed at any moment, then run again, end as those that were left alone."""

import json
import os
import random
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

pytestmark = pytest.mark.slow
COMMANDS = {
    "ir-drop": ["study", "ir-drop", "--ohm", "0,5", "--tile", "64x64,32x16", "--seeds", "1", "--images",
                "20", "--epochs", "1", "--threads", "1"],
    "nonidealities": ["study", "nonidealities", "--quick", "--tile", "64x64", "--ohm", "0,5", "--bits", "4",
                      "--sigma", "0.3", "--states", "4", "--stuck-on", "0.05", "--stuck-off", "0.1",
                      "--images", "20", "--epochs", "1", "--threads", "1"],
    "read-margin": ["study", "read-margin", "--sizes", "2,4,8"],
    "device-spread": ["study", "device-spread", "--count", "20"],
    "gradual-reset": ["study", "gradual-reset", "--states", "4", "--count", "20"],
    "program": ["program", "stanford_pku", "--size", "6x6", "--passes", "2"],  # checkpoints, too
}


def start(command, out):
    return subprocess.Popen(
        [sys.executable, "-m", "crossbarsim", *command, "--out", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def finish(command, out):
    process = start(command, out)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors.decode()[-2000:]


def contents(out):
    """Return every file: bytes, points of records without their times, arrays of networks."""
    found = {}
    for path in sorted(out.rglob("*")):
        if path.is_dir() or path.name.endswith(".tmp") or path.name == "times.json":
            continue  # what a killed process was writing; times differ
        if path.suffix == ".jsonl":
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            found[path.name] = [{k: v for k, v in one.items() if k not in ("seconds", "sha256")}
                                for one in lines]
        elif path.suffix == ".npz":
            with np.load(path) as data:
                found[path.name] = {n: data[n].tobytes() for n in data.files if n != "seconds"}
        else:
            found[path.name] = path.read_bytes()
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_killed_and_run_again(tmp_path, name):
    command, draws = COMMANDS[name], random.Random(name)  # noqa: S311 - when to kill
    began = time.perf_counter()
    finish(command, tmp_path / "straight")
    whole = time.perf_counter() - began
    expected = contents(tmp_path / "straight")
    killed = 0
    while killed < 3:
        began = time.perf_counter()
        process = start(command, tmp_path / "killed")
        try:
            process.communicate(timeout=draws.uniform(0.3, 1.0) * whole)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
            continue
        # it came to its end first: this run had less to do, or a machine less busy
        assert process.returncode == 0
        if killed:
            break
        whole = time.perf_counter() - began
        shutil.rmtree(tmp_path / "killed")
    finish(command, tmp_path / "killed")
    assert contents(tmp_path / "killed") == expected
    assert not (tmp_path / "killed" / ".lock").exists()
