"""What other systems lack is taken away: the package is imported, solves, reads decks and prints."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from crossbarsim.core.files import plain_name

ROOT = Path(__file__).parents[1]
DECK = """a divider, 1 k\u03a9, \u00b5A \u2192 \u00b11 %
v1 in 0 pulse(0 1 0 1n 1n 5u 10u)
r1 in out 1k
r2 out 0 1k
m1 out in 0 0 mn w=2u l=1u
.model mn nmos level=1 vto=0.7 kp=100u
.op
.tran 1u 5u
.measure tran most max v(out)
.end
"""

BARE = """
import importlib, io, os, pkgutil, signal, sys, time, warnings
for name in ("process_cpu_count", "sched_getaffinity", "sched_setaffinity", "sched_yield", "fork",
             "forkpty", "getuid", "geteuid", "getloadavg", "mkfifo", "sysconf", "posix_fadvise",
             "posix_fallocate", "fchmod", "chown", "getpgid", "killpg", "nice", "wait3", "wait4"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGALRM", "SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE", "alarm",
             "setitimer", "pthread_kill", "pthread_sigmask", "sigwait"):
    if hasattr(signal, name):
        delattr(signal, name)
for name in ("clock_gettime", "clock_getres", "tzset"):
    if hasattr(time, name):
        delattr(time, name)
for name in ("resource", "fcntl", "pwd", "grp", "termios", "syslog"):
    sys.modules[name] = None
warnings.filterwarnings("error", category=EncodingWarning, module=r"_?crossbarsim")

import crossbarsim
for found in pkgutil.walk_packages(crossbarsim.__path__, "crossbarsim."):
    if found.name != "crossbarsim.__main__" and ".templates" not in found.name:
        importlib.import_module(found.name)
PLATFORM
import numpy as np
from crossbarsim import Crossbar, Solution, Solver, Wires
from crossbarsim.devices import VTEAM
xbar = Crossbar(np.full((6, 5), 1e-4), Wires(word=2.0, bit=2.0))
solution = Solver().solve(xbar, np.full((3, 6), 0.2))
assert solution.residual < 1e-9
solution.save("solution.npz")
assert np.array_equal(Solution.load("solution.npz").currents, solution.currents)
assert len(VTEAM().hysteresis(1.0, 1e3, points=50).time) > 50
from crossbarsim.cli.main import main
for words in COMMANDS:
    sys.argv = ["crossbarsim", *words.split()]
    try:
        main()
    except SystemExit as end:
        assert not end.code, (words, end.code)
"""

COMMANDS = ["--help", "info", "check deck.cir", "run deck.cir --out out.raw --plot"]
MORE = [
    "run deck.cir --out out.csv", "device list", "device show vteam",
    "device iv vteam --out loop.png --csv loop.csv --points 50",
    "study device-spread --count 3 --out spread", "program vteam --size 2x2 --out program",
]


def run_code(folder, code, environment):
    (folder / "deck.cir").write_text(DECK, encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-c", code], cwd=folder, check=False,
        env=kept | environment, capture_output=True,
    )


@pytest.mark.parametrize(("environment", "encoding", "platform", "commands"), [
    ({"PYTHONIOENCODING": "cp1252"}, "cp1252", "", COMMANDS + MORE),
    ({"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}, "ascii", "darwin", COMMANDS),
])
def test_a_system_without_what_only_some_have(tmp_path, environment, encoding, platform, commands):
    code = BARE.replace("COMMANDS", repr(commands))
    code = code.replace("PLATFORM", f"sys.platform = {platform!r}" if platform else "")
    done = run_code(tmp_path, code, environment)
    told = done.stdout.decode(encoding)
    assert done.returncode == 0, told[-500:] + done.stderr.decode(encoding, "replace")[-3000:]
    title = {"cp1252": "a divider, 1 kohm, \u00b5A ? \u00b11 %", "ascii": "a divider, 1 kohm, uA ? +-1 %"}
    assert title[encoding] in told
    assert "most = " in told
    names = ["out.raw", "deck-tran.png"]
    for name in names + (["loop.csv", "out_tran.csv"] if commands != COMMANDS else []):
        assert (tmp_path / name).stat().st_size > 100
    assert b"\r" not in (tmp_path / "out.raw").read_bytes().split(b"Binary:")[0]
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.slow
def test_the_smallest_study_states_every_encoding(tmp_path):
    code = (
        "import sys, warnings\n"
        "warnings.filterwarnings('error', category=EncodingWarning, module='_?crossbarsim')\n"
        "from crossbarsim.cli.main import main\n"
        "sys.argv = 'crossbarsim study ir-drop --out s --ohm 1 --tile 64x64 --seeds 1 --images 10 "
        "--epochs 1'.split()\n"
        "main()\n"
    )
    done = run_code(tmp_path, code, {"PYTHONIOENCODING": "cp1252"})
    assert done.returncode == 0, done.stderr[-2000:]
    names = {p.name for p in (tmp_path / "s").iterdir()}
    assert {"points.jsonl", "results.csv", "table.md", "study.json", "ir_drop.png"} <= names


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8"])
def test_signs_that_a_console_lacks(tmp_path, encoding):
    code = (
        "from crossbarsim.cli.output import plain_where_needed; import sys\n"
        "plain_where_needed(); plain_where_needed()\n"
        "print('5 \\u03a9 \\u2126 \\u00b5 \\u03bc \\u00b1 \\u2212 \\u221e \\u2192 \\udc80')\n"
        "print('\\u03a9', file=sys.stderr)\n"
    )
    done = run_code(tmp_path, code, {"PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    words = done.stdout.decode(encoding).split()
    assert words[0] == "5"
    assert words[-1] == "?"
    expected = {"ascii": ["ohm", "ohm", "u", "u", "+-", "-", "inf", "?"]}
    if encoding in expected:
        assert words[1:-1] == expected[encoding]
    assert done.stderr.decode(encoding).strip() in ("\u03a9", "ohm")


def test_every_system_can_hold_the_sources():
    """No reserved signs or names, none that differ in case alone, none too long for Windows."""
    folders = ("crossbarsim", "netlists", "solvers", "examples", "tests", "benchmarks", "docs", "packaging")
    names = [p.relative_to(ROOT) for folder in folders for p in (ROOT / folder).rglob("*") if "__pycache__" not in p.parts]
    assert len(names) > 1000
    assert [n for n in names if not n.as_posix().isascii() or any(plain_name(part) != part for part in n.parts)] == []
    assert [n for n, count in Counter(name.as_posix().lower() for name in names).items() if count > 1] == []
    assert max(len(n.as_posix()) for n in names) < 150


def test_numbers_that_only_some_systems_have_are_not_used():
    """Long doubles are doubles on Windows and ARM Macs, C's long has 32 bits on Windows."""
    found = [
        (path.name, line) for folder in ("crossbarsim", "netlists", "solvers")
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\b(np\.c?longdouble|np\.u?long\b|float128|complex256|c_u?long\b|c_longdouble)", line)
    ]
    assert found == []
