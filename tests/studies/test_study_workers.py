"""Points on executors: the same numbers anywhere, lost workers, lost drivers, how well it scales."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from crossbarsim import BackendUnavailable, ParameterError
from crossbarsim.studies import LocalWorkers, Study
from crossbarsim.studies.engine.schedulers import dask_client
from crossbarsim.studies.engine.worker import NEEDED, Payload, measure_in_worker

from . import points_elsewhere as elsewhere

ROOT = Path(__file__).parents[2]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def study(measure=elsewhere.square, axes=None, **options):
    return Study(measure, axes or {"x": list(range(6))}, **options)


class Distant:
    """An executor on another machine: calls and answers travel as bytes, its disk is its own."""

    count = 2

    def __init__(self):
        self.sent = []

    def submit(self, call, /, token, _, content, points):
        self.sent.append(content)
        future = Future()
        there = pickle.loads(pickle.dumps((call, token, "/nowhere/else", content, points)))
        future.set_result(pickle.loads(pickle.dumps(there[0](*there[1:]))))
        return future


class Polled:
    """Futures that call nobody."""

    def __init__(self):
        self.pool = ThreadPoolExecutor(1)

    def submit(self, call, *arguments):
        inner = self.pool.submit(call, *arguments)

        class Bare:
            done, result, cancel = inner.done, inner.result, inner.cancel

        return Bare()


def test_threads_and_futures_that_are_polled():
    straight = study(seeds=2).run()
    with ThreadPoolExecutor(2) as pool:
        assert study(seeds=2).run(executor=pool).dataset.identical(straight.dataset)
    polled = Polled()
    assert study().run(executor=polled).counts["done"] == 6
    polled.pool.shutdown()


def test_what_points_share_is_not_sent_with_every_point(monkeypatch):
    from crossbarsim.studies.engine import worker

    monkeypatch.setattr(worker, "_loaded", {})
    executor = Distant()
    shared = np.zeros(10_000)
    result = Study(with_shared, {"x": list(range(100))}, context=shared).run(executor=executor)
    assert result.counts["done"] == 100
    assert sum(content is not None for content in executor.sent) <= 2 * executor.count + 2  # those first in flight


def with_shared(shared, x):
    return float(len(shared) + x)


def test_a_worker_asks_for_what_it_has_not(monkeypatch, tmp_path):
    from crossbarsim.studies.engine import worker

    monkeypatch.setattr(worker, "_loaded", {})
    payload = Payload.of(float, 1)
    (tmp_path / "other").write_bytes(b"something else")
    assert measure_in_worker(payload.token, str(tmp_path / "other"), None, []) == NEEDED
    assert measure_in_worker(payload.token, "", payload.content, []) == []
    assert measure_in_worker(payload.token, "", None, []) == []


def test_early_stop_is_the_same_on_workers():
    def hopeless(branch):
        return branch[-1]["value"] > 4

    axes = {"x": [1, 2, 3], "y": [1.0, 2.0, 3.0, 4.0]}
    straight = Study({"value": product}, axes, stop=hopeless).run()
    with ThreadPoolExecutor(3) as pool:
        found = Study({"value": product}, axes, stop=hopeless).run(executor=pool)
    assert found.dataset.identical(straight.dataset)
    assert found.counts["stopped"] == 3


def product(x, y):
    return x * y


def test_a_point_that_raises_there_is_recorded_with_its_message():
    with ThreadPoolExecutor(2) as pool:
        result = study({"v": elsewhere.picky}).run(executor=pool)
    assert result.failures == [{"x": 2, "message": "ValueError: no two"}]
    assert result.summary() == "5 of 6, 1 failed"


def test_executors_that_are_gone(tmp_path):
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(BackendUnavailable, match="takes no more points"):
        study().run(tmp_path, executor=pool)
    assert study().run(tmp_path).counts["done"] == 6


def test_no_scheduler():
    distributed = pytest.importorskip("distributed")
    assert distributed.__version__
    with pytest.raises(BackendUnavailable, match=r"no scheduler answers at tcp://127\.0\.0\.1:9"), \
            dask_client("tcp://127.0.0.1:9", timeout=0.5):
        pass


def test_no_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BackendUnavailable, match=r"crossbarsim\[dask\]"), dask_client("tcp://x:1"):
        pass


def test_what_cannot_be_sent_is_told():
    import threading

    with ThreadPoolExecutor(1) as pool, pytest.raises(ParameterError, match="cannot be sent to workers"):
        Study(with_shared, {"x": [1]}, context=threading.Lock()).run(executor=pool)


@pytest.mark.slow
def test_processes_give_the_same_numbers_with_pinned_threads():
    straight = study(seeds=3, threads=2).run()
    assert straight.dataset.threads.to_numpy().max() == 2
    for count in (1, 2):
        assert study(seeds=3, threads=2).run(workers=count).dataset.identical(straight.dataset)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert study(seeds=3, threads=2).run(executor=pool).dataset.identical(straight.dataset)


def test_the_log_tells_of_failed_points_and_lost_workers(caplog):
    class Losing:
        """Loses every call once."""

        count = 1

        def __init__(self):
            self.lost = set()

        def submit(self, call, /, *arguments):
            future = Future()
            number = arguments[3][0][0]
            if number in self.lost:
                future.set_result(call(*arguments))
            else:
                self.lost.add(number)
                future.set_exception(ConnectionResetError("gone"))
            return future

    with caplog.at_level("INFO", logger="crossbarsim"):
        found = study({"v": elsewhere.picky}, {"x": [1, 2]}, threads=None).run(executor=Losing())
    assert found.summary() == "1 of 2, 1 failed"
    text = "\n".join(f"{r.levelname} {r.getMessage()}" for r in caplog.records)
    assert "WARNING lost the worker of point 0 (ConnectionResetError: gone), loss 1 of at most 3" in text
    assert "INFO point 0 goes out again" in text
    assert "WARNING point 1 failed: {'x': 2}: ValueError: no two" in text


@pytest.mark.slow
@POSIX
def test_a_lost_worker_is_replaced_and_its_points_are_measured(tmp_path):
    once = str(tmp_path / "killed")
    axes = {"x": list(range(12)), "place": [once]}
    result = Study({"v": elsewhere.deadly}, axes).run(tmp_path / "out", workers=2)
    assert Path(once).exists()
    assert result.summary() == "12 of 12"
    assert result.dataset.v.to_numpy().ravel().tolist() == list(range(12))


@pytest.mark.slow
def test_a_point_that_kills_every_worker_is_recorded_and_the_others_are_done(tmp_path):
    result = Study({"v": elsewhere.always_deadly}, {"x": list(range(8))}).run(tmp_path, workers=2)
    assert result.summary() == "7 of 8, 1 failed"
    [failure] = result.failures
    assert failure["x"] == 3
    assert "its workers were lost" in failure["message"]


@pytest.mark.slow
def test_a_broken_pool_of_the_users_loses_nothing(tmp_path):
    broken = Study({"v": elsewhere.always_deadly}, {"x": list(range(8))})
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool, \
            pytest.raises(BackendUnavailable, match="run it again to go on"):
        broken.run(tmp_path, executor=pool)
    assert broken.collect(tmp_path).counts["done"] >= 1


DRIVER = """
import sys, time
sys.path.append({root!r})
from tests.studies import points_elsewhere as elsewhere
from crossbarsim.studies import Study
if __name__ == "__main__":
    study = Study({{"v": elsewhere.sleeping}}, {{"x": list(range(40)), "seconds": [0.1]}})
    result = study.run(sys.argv[1], **{how})
    result.save(sys.argv[1])
    print(result.summary())
"""


def results(folder):
    return {n: (folder / n).read_bytes() for n in ("result.nc", "results.csv", "table.md", "study.json")}


@pytest.mark.slow
@POSIX
def test_a_driver_that_is_killed_loses_only_points_in_flight(tmp_path):
    script = tmp_path / "driver.py"
    script.write_text(DRIVER.format(root=str(ROOT), how='{"workers": 2}'))
    command = [sys.executable, str(script), str(tmp_path / "cut")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    record = tmp_path / "cut" / "points.jsonl"
    deadline = time.monotonic() + 120
    while not record.exists() or len(record.read_bytes().splitlines()) < 8:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    kept = len(record.read_bytes().splitlines()) - 1
    assert 7 <= kept < 40
    again = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert "40 of 40" in again.stdout
    # no point that was recorded is measured again
    assert len(record.read_bytes().splitlines()) == 41
    straight = tmp_path / "straight.py"
    straight.write_text(DRIVER.format(root=str(ROOT), how="{}"))
    subprocess.run([sys.executable, str(straight), str(tmp_path / "whole")], timeout=300, check=True)
    assert results(tmp_path / "cut") == results(tmp_path / "whole")
    # the workers of the killed driver are gone, too
    time.sleep(3)
    left = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True).stdout
    assert not [row for row in left.splitlines() if str(script) in row]


DASK = """
import os, signal, sys, threading, time
sys.path.append({root!r})
from tests.studies import points_elsewhere as elsewhere
from crossbarsim.studies import Study
from distributed import Client, LocalCluster

def main():
    kill = sys.argv[2]
    study = Study({{"v": elsewhere.sleeping}}, {{"x": list(range(40)), "seconds": [0.1]}})
    with LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        if kill == "worker":
            pids = list(client.run(os.getpid).values())
            record = os.path.join(sys.argv[1], "points.jsonl")
            def later():
                while not os.path.exists(record) or len(open(record, "rb").read().splitlines()) < 6:
                    time.sleep(0.05)
                os.kill(pids[0], signal.SIGKILL)
            threading.Thread(target=later, daemon=True).start()
        result = study.run(sys.argv[1], executor=client)
        result.save(sys.argv[1])
        print(result.summary(), flush=True)

if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
@POSIX
def test_dask_with_a_worker_killed_and_the_driver_killed(tmp_path):
    pytest.importorskip("distributed")
    script = tmp_path / "cluster.py"
    script.write_text(textwrap.dedent(DASK.format(root=str(ROOT))))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    found = subprocess.run([sys.executable, str(script), str(tmp_path / "worker"), "worker"], capture_output=True,
                           text=True, timeout=300, check=False, env=environment)
    assert "40 of 40" in found.stdout, found.stderr[-3000:]
    process = subprocess.Popen([sys.executable, str(script), str(tmp_path / "driver"), "none"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    record = tmp_path / "driver" / "points.jsonl"
    deadline = time.monotonic() + 120
    while not record.exists() or len(record.read_bytes().splitlines()) < 8:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    again = subprocess.run([sys.executable, str(script), str(tmp_path / "driver"), "none"], capture_output=True,
                           text=True, timeout=300, check=False, env=environment)
    assert "40 of 40" in again.stdout, again.stderr[-3000:]
    assert results(tmp_path / "driver") == results(tmp_path / "worker")
    assert len(record.read_bytes().splitlines()) == 41


@pytest.mark.slow
def test_weak_scaling_to_64_workers():
    """Points that sleep, four for each worker: no more than 15 % goes to the driver and the way there and back."""
    took = {}
    for count in (1, 8, 64):
        axes = {"x": list(range(4 * count)), "seconds": [0.5]}
        with ThreadPoolExecutor(count) as pool:
            pool._max_workers = count
            start = time.perf_counter()
            # threads take turns with what is computed; those that sleep in a process of their own do not
            result = Study({"v": elsewhere.sleeping}, axes, threads=None).run(executor=Sleepers(pool, count))
            took[count] = time.perf_counter() - start
        assert result.counts["done"] == 4 * count
    assert took[1] / took[8] > 0.85, took
    assert took[1] / took[64] > 0.85, took


@pytest.mark.slow
def test_weak_scaling_from_one_process_to_two():
    took = {}
    for count in (1, 2):
        with LocalWorkers(count) as workers:
            axes = {"x": list(range(2 * count)), "seconds": [0.5]}
            Study({"v": elsewhere.sleeping}, axes).run(executor=workers)  # they start, and import
            axes = {"x": list(range(8 * count)), "seconds": [0.5]}
            start = time.perf_counter()
            Study({"v": elsewhere.sleeping}, axes).run(executor=workers)
            took[count] = time.perf_counter() - start
    assert took[1] / took[2] > 0.85, took


class Sleepers:
    """As many workers as threads, each measuring by itself, as processes do."""

    def __init__(self, pool, count):
        self.pool, self.count, self.work = pool, count, None

    def submit(self, call, token, path, content, points):
        del call, token, content
        if self.work is None:
            self.work = pickle.loads(Path(path).read_bytes())[0]
        from crossbarsim.studies.engine.worker import outcomes_of

        return self.pool.submit(lambda: pickle.loads(pickle.dumps(list(outcomes_of(self.work, points)))))


@pytest.mark.slow
@POSIX
def test_local_workers_end_with_their_block():
    with LocalWorkers(2) as workers:
        result = Study(elsewhere.where, {"x": list(range(8))}).run(executor=workers)
    pids = {int(pid) for pid in result.dataset.pid.to_numpy()}  # the first to start may take all
    assert os.getpid() not in pids
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
