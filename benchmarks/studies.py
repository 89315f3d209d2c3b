"""How studies scale: one worker to two with real points, to 64 with points that sleep, 10^5 points.

Weak scaling: as many points for every worker, however many there are. Whatever else the machine
does takes wall-clock time, so that three ways take turns and are compared within their round: one
worker, two workers, and the same points in two processes that know nothing of each other, which is
all that the machine has to give. The share of the time in which workers have no point, and the
driver's CPU time, are what the study itself costs.
"""

from __future__ import annotations

import pickle
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from .crossbar_solve import show
from .worker import measure

OHMS = (1.0, 2.0, 5.0)
SLEEP = 0.5  # second
_HIDDEN = 128
_PARTS = 10  # of the recorded points, each timed


class Sleepers:
    """As many workers as threads, each measuring by itself, as processes do.

    Points that sleep need no processor, so that 64 such workers are those of 64 machines. What goes
    to them and back is pickled, as on its way to a process.

    Parameters
    ----------
    pool : ThreadPoolExecutor
    count : int
    """

    def __init__(self, pool: ThreadPoolExecutor, count: int) -> None:
        self.pool, self.count = pool, count
        self.work: Any = None

    def submit(self, call: Any, token: str, path: str, content: Any, points: Any) -> Future[Any]:
        """Measure points in one of the threads."""
        from crossbarsim.studies.engine.worker import outcomes_of  # noqa: PLC0415

        del call, token, content
        if self.work is None:
            self.work = pickle.loads(Path(path).read_bytes())[0]  # noqa: S301
        sent = pickle.dumps(points)
        return self.pool.submit(
            lambda: pickle.loads(pickle.dumps(  # noqa: S301
                list(outcomes_of(self.work, pickle.loads(sent)))))  # noqa: S301
        )


def sleeping(x: int, seconds: float) -> float:
    """Return a point's number after a while."""
    time.sleep(seconds)
    return float(x)


def nothing(x: int) -> float:
    """Return a point's number at once."""
    return float(x)


def _network_study(chips: int, first: int) -> Any:
    """Return a study of a classifier of 8x8 pictures of digits: programmed chips, all ohms each."""
    import torch  # noqa: PLC0415
    from sklearn.datasets import load_digits  # noqa: PLC0415
    from torch import nn  # noqa: PLC0415

    from crossbarsim.nn import CrossbarConfig  # noqa: PLC0415
    from crossbarsim.studies import Axis, NetworkStudy  # noqa: PLC0415

    images, labels = load_digits(return_X_y=True)
    data = [(torch.as_tensor(images / 16.0, dtype=torch.float32), torch.as_tensor(labels))]
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 10))
    return NetworkStudy(
        model, data, CrossbarConfig(r_on_sigma=0.1, tile_shape=(128, 64)),
        axes={"ohm": Axis(OHMS, fields=("wires.word", "wires.bit"), unit="ohm")},
        metric=["agreement", "output-error"], seeds=range(first, first + chips),
    )


def alone(chips: int, first: int) -> float:
    """Measure the points of chips in this process; return when it was done, second."""
    _network_study(chips, first).run()
    return time.perf_counter()


def real(chips: int, rounds: int) -> dict[str, Any]:
    """Measure the points of `chips` chips per worker: one worker, two, and two by themselves."""
    from crossbarsim.studies import LocalWorkers  # noqa: PLC0415

    took: dict[str, list[float]] = {"one": [], "two": [], "apart": []}
    idle: dict[str, list[float]] = {"one": [], "two": []}
    driver: list[float] = []

    def through(name: str, workers: LocalWorkers, first: int) -> None:
        study = _network_study(chips * workers.count, first)
        wall, cpu = time.perf_counter(), time.process_time()
        result = study.run(executor=workers)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if result.counts["done"] != chips * workers.count * len(OHMS):
            raise RuntimeError(result.summary())
        busy = float(result.seconds.sum())
        took[name].append(wall)
        idle[name].append(1.0 - busy / (workers.count * wall))
        driver.append(cpu / busy)

    def apart(workers: LocalWorkers, first: int) -> None:
        wall = time.perf_counter()
        both = [workers.submit(alone, chips, first + chips * k) for k in range(2)]
        for future in both:
            future.result()
        took["apart"].append(time.perf_counter() - wall)

    with LocalWorkers(1) as one, LocalWorkers(2) as two:
        for workers in (one, two):  # they start, import and compile
            _network_study(2 * workers.count, 0).run(executor=workers)
        apart(two, 0)
        took["apart"].clear()
        for k in range(rounds):
            first = 100 * (k + 1)
            ways = [lambda f=first: through("one", one, f), lambda f=first: through("two", two, f),
                    lambda f=first: apart(two, f)]
            for way in ways[k % 3:] + ways[:k % 3]:
                way()

    def pairs(slower: str) -> list[float]:
        return sorted(a / b for a, b in zip(took[slower], took["two"], strict=True))

    return {
        "points": chips * len(OHMS), **{name: median(each) for name, each in took.items()},
        "pairs": pairs("one"), "of_machine": pairs("apart"),
        "idle": {name: median(each) for name, each in idle.items()}, "driver": median(driver),
        "load": _load(),
    }


def _load() -> float | None:
    """Return how many processes wanted a processor in the last minute, where that is known."""
    import os  # noqa: PLC0415

    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def simulated(counts: list[int], points: int, seconds: float) -> dict[str, Any]:
    """Measure points that sleep, so many for each worker."""
    from crossbarsim.studies import Study  # noqa: PLC0415

    Study({"v": sleeping}, {"x": [0], "seconds": [0.0]}).run()  # loads what it needs
    rows = []
    for count in counts:
        axes = {"x": list(range(points * count)), "seconds": [seconds]}
        with ThreadPoolExecutor(count) as pool, tempfile.TemporaryDirectory() as folder:
            # `threads`: a thread that pins threads would do so for all
            study = Study({"v": sleeping}, axes, threads=None)
            start, cpu = time.perf_counter(), time.process_time()
            found = study.run(folder, executor=Sleepers(pool, count))
            wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        if found.counts["done"] != points * count:
            raise RuntimeError(found.summary())
        rows.append({"workers": count, "seconds": wall, "driver": cpu / (points * count),
                     "efficiency": points * seconds / wall})
    return {"points": points, "sleep": seconds, "rows": rows}


def records(count: int) -> dict[str, Any]:
    """Record so many points that cost nothing, and take them up again; CPU time."""
    from crossbarsim.studies import Study  # noqa: PLC0415
    from crossbarsim.studies.engine.shards import RECORD  # noqa: PLC0415

    marks = _Marks(count)
    study = Study({"v": nothing}, {"x": list(range(count))})
    with tempfile.TemporaryDirectory() as folder:
        study.run(folder, progress=marks)
        size = (Path(folder) / RECORD).stat().st_size
        start = time.process_time()
        again = study.run(folder)
        taken = time.process_time() - start
    if again.counts["done"] != count:
        raise RuntimeError(again.summary())
    parts = [b - a for a, b in zip(marks.times, marks.times[1:], strict=False)]
    return {"points": count, "first": parts[0], "last": parts[-1], "slowest": max(parts),
            "part": count // _PARTS, "again": taken, "bytes": size}


class _Marks:
    """A meter that notes the CPU time at the end of every part."""

    def __init__(self, count: int) -> None:
        self.part, self.done = count // _PARTS, 0
        self.times: list[float] = []

    def begin(self, task: str, total: int, done: int = 0) -> None:
        """Note the start."""
        del task, total
        self.done = done
        self.times.append(time.process_time())

    def advance(self, task: str, note: str = "") -> None:
        """Count a point."""
        del task, note
        self.done += 1
        if self.done % self.part == 0:
            self.times.append(time.process_time())


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure on two cores."""
    found = {
        "real": measure("studies:real", {"chips": 2 if quick else 6, "rounds": 1 if quick else 6},
                        2, 1200.0),
        "simulated": measure("studies:simulated", {
            "counts": [1, 8] if quick else [1, 2, 8, 64], "points": 4,
            "seconds": 0.1 if quick else SLEEP}, 2, 300.0),
        "records": measure("studies:records", {"count": 2_000 if quick else 100_000}, 1, 1200.0),
    }
    print(found, flush=True)
    return found


def table(result: dict[str, Any]) -> str:
    """Return the tables in Markdown."""
    true, asleep, kept = result["real"], result["simulated"], result["records"]
    load = "" if true["load"] is None else (
        f"; {true['load']:.1f} processes wanted the two processors")
    lines = [
        (f"Weak scaling of a study of a network, {true['points']} points for each worker; three "
         f"ways in turn, medians of {len(true['pairs'])} rounds{load}."),
        "", "| | time | efficiency | workers without a point |", "|---|---|---|---|",
        f"| one worker | {show(true['one'])} | | {_percent(true['idle']['one'])} |",
        (f"| two workers | {show(true['two'])} | {_middle(true['pairs'])} "
         f"| {_percent(true['idle']['two'])} |"),
        (f"| two processes by themselves, as many points | {show(true['apart'])} "
         f"| two workers are at {_middle(true['of_machine'])} of them | |"),
        "", f"The driver's CPU time is {_percent(true['driver'])} of the points' time.",
        "", (f"Points that sleep {asleep['sleep']:g} s, {asleep['points']} for each worker, "
             "recorded:"),
        "", "| workers | time | efficiency | CPU time of the driver per point |",
        "|---|---|---|---|",
        *(f"| {r['workers']} | {show(r['seconds'])} | {_percent(r['efficiency'])} "
          f"| {show(r['driver'])} |" for r in asleep["rows"]),
        "", (f"{kept['points']:,} points recorded: {show(kept['first'])} of CPU time for the "
             f"first {kept['part']:,}, {show(kept['last'])} for the last; all taken up again in "
             f"{show(kept['again'])}, {kept['bytes'] / 1e6:.1f} MB."),
    ]
    return "\n".join(lines)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _middle(shares: list[float]) -> str:
    return f"{100 * median(shares):.0f} % ({100 * shares[0]:.0f} to {100 * shares[-1]:.0f} %)"
