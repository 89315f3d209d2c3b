"""The driver: points go out, outcomes come back and are recorded, lost ones go out again."""

from __future__ import annotations

import queue
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ...core.errors import BackendUnavailable, ParameterError
from ...core.files import new_file
from ...core.views.log import LOGGER
from .worker import NEEDED, NoNumberError, Outcome, Payload, Work, measure_in_worker, outcomes_of

__all__ = ["Executor", "Queue", "drive", "worker_count"]

_TRIES = 3  # of points whose worker is lost
_PATIENCE = 1.0  # second between looks at futures that call nobody


class Executor(Protocol):
    """What has `submit` of `concurrent.futures`."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any) -> Any:
        """Run a call somewhere; return its future."""


class Queue(Protocol):
    """The points that are still to be measured, in their order."""

    def take(self, most: int) -> list[tuple[int, Any]]:
        """Return at most so many points that go well together; empty: none is ready."""

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Record what came of points; more may be ready then."""


@dataclass(eq=False)
class _Sent:
    """Points that are with a worker."""

    points: list[tuple[int, Any]]
    tries: int = 0
    content: Any = None
    future: Any = field(default=None, repr=False)


def worker_count(executor: Any) -> int | None:
    """Return how many workers an executor has, as far as that can be told."""
    for name in ("count", "_max_workers", "num_workers"):
        found = getattr(executor, name, None)
        if isinstance(found, int) and found > 0:
            return found
    threads = getattr(executor, "nthreads", None)  # of dask
    if callable(threads):
        return max(1, len(threads()))
    return None


def drive(
    waiting: Queue, work: Work, executor: Executor | None, threads: int | None,
) -> None:
    """Measure all points of a queue, here or by the workers of an executor.

    Parameters
    ----------
    waiting : Queue
    work : Work
    executor : Executor or None
        None: in this process, whose threads the caller has pinned.
    threads : int or None
        Of every worker.

    Raises
    ------
    NoNumberError
        A measure gave no number.
    BackendUnavailable
        The executor takes no more points.
    """
    if executor is None:
        while points := waiting.take(1):
            for outcome in outcomes_of(work, points):
                _accept(waiting, [outcome])
        return
    if not callable(getattr(executor, "submit", None)):
        raise ParameterError(
            f"`executor` must have `submit` as those of concurrent.futures; got {executor!r:.60}")
    with ExitStack() as stack:
        _Driver(waiting, executor, Payload.of(work, threads), stack).run()


def _accept(waiting: Queue, outcomes: list[Outcome]) -> None:
    """Record outcomes, and raise the error of one that concerns the whole study."""
    waiting.finish([one for one in outcomes if not one.fatal])
    for one in outcomes:
        if one.fatal:
            raise NoNumberError(one.error or "")


class _Driver:
    """One run on an executor."""

    def __init__(
        self, waiting: Queue, executor: Any, payload: Payload, stack: ExitStack
    ) -> None:
        self.waiting, self.executor, self.payload = waiting, executor, payload
        self.done: queue.SimpleQueue[tuple[_Sent, Any]] = queue.SimpleQueue()
        self.out: set[_Sent] = set()
        self.again: list[_Sent] = []
        self.alone: list[_Sent] = []  # one of these has ended a pool: they go out one by one
        self.options: dict[str, Any] = {}
        self.shared: Any = None
        self.path = ""
        self.seconds: list[float] = []
        if type(executor).__module__.partition(".")[0] == "distributed":
            self.options = {"pure": False}  # points that are sent again are another call
            self.shared = executor.scatter(payload.content, broadcast=True)
        else:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="crossbarsim-", ignore_cleanup_errors=True))
            self.path = str(Path(folder, "shared.pickle"))
            with new_file(self.path, durable=False) as stream:
                stream.write(payload.content)

    def run(self) -> None:
        """Measure all points."""
        try:
            while True:
                self._send_ready()
                if not self.out:
                    break
                self._receive()
        except BaseException:
            for sent in list(self.out):
                with suppress(Exception):
                    sent.future.cancel()
            raise

    # -- out ---------------------------------------------------------------------------------

    def _send_ready(self) -> None:
        """Send points for as long as workers are likely to be idle."""
        if self.alone:
            if not self.out:
                self._send(self.alone.pop(0))
            return
        workers = worker_count(self.executor)
        window = 2 * workers + 2 if workers else 128
        while len(self.out) < window:
            if self.again:
                self._send(self.again.pop(0))
                continue
            points = self.waiting.take(self._handful())
            if not points:
                return
            self._send(_Sent(points))

    def _handful(self) -> int:
        """Return how many points make up a fifth of a second."""
        if not self.seconds:
            return 1
        mean = sum(self.seconds) / len(self.seconds)
        return int(min(256, max(1.0, 0.2 / max(mean, 1e-6))))

    def _send(self, sent: _Sent) -> None:
        content = self.shared if self.shared is not None else sent.content
        try:
            sent.future = self.executor.submit(
                measure_in_worker, self.payload.token, self.path, content, sent.points,
                **self.options,
            )
        except BrokenExecutor as error:
            self.again.append(sent)
            self._revive(error)
            return
        except Exception as error:
            raise self._gone(error) from error
        self.out.add(sent)
        call_back = getattr(sent.future, "add_done_callback", None)
        if call_back is not None:
            call_back(lambda _, sent=sent, future=sent.future: self.done.put((sent, future)))

    def _gone(self, error: BaseException | None) -> BackendUnavailable:
        told = f": {error}" if error is not None and str(error) else ""
        return BackendUnavailable(
            f"the executor takes no more points ({type(error).__name__}{told}); what was measured "
            "is kept where the study has a folder: run it again to go on"
        )

    # -- back --------------------------------------------------------------------------------

    def _receive(self) -> None:
        """Wait for points to come back; record all that have, at once."""
        back = self._waited()
        outcomes: list[Outcome] = []
        broken = None
        for sent, future in back:
            if sent not in self.out or sent.future is not future:
                continue  # of a pool that is gone
            self.out.discard(sent)
            try:
                reply = future.result()
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - the worker's own are outcomes: it is lost
                if isinstance(error, BrokenExecutor):
                    broken = error
                self._lost(sent, error)
                continue
            if isinstance(reply, str) and reply == NEEDED:
                sent.content = self.payload.content
                self.again.append(sent)
                continue
            outcomes += reply
        if outcomes:
            self.seconds = [o.seconds for o in outcomes if o.seconds is not None][-64:]
            _accept(self.waiting, outcomes)
        if broken is not None:
            self._revive(broken)

    def _waited(self) -> list[tuple[_Sent, Any]]:
        back: list[tuple[_Sent, Any]] = []
        while not back:
            with suppress(queue.Empty):
                back.append(self.done.get(timeout=_PATIENCE))
            if not back:  # those that call nobody, or whose scheduler is gone
                back = [(s, s.future) for s in self.out if _is_done(s.future)]
            if not back and self._closed:
                raise self._gone(ConnectionError("its scheduler is gone"))
        with suppress(queue.Empty):
            while True:
                back.append(self.done.get_nowait())
        return back

    @property
    def _closed(self) -> bool:
        """Whether an executor that tells its state, as dask's client, has lost its scheduler."""
        status = getattr(self.executor, "status", "running")
        return isinstance(status, str) and status in ("closed", "closing", "connecting")

    def _lost(self, sent: _Sent, error: BaseException) -> None:
        """Send points again whose worker is lost, or record that they cannot be measured."""
        if self._closed:
            raise self._gone(error) from error
        if self.shared is not None:  # what was scattered may have gone with the worker
            self.shared = self.executor.scatter(self.payload.content, broadcast=True)
        # dask has tried several workers before it says so
        sent.tries = _TRIES if type(error).__name__ == "KilledWorker" and len(
            sent.points) == 1 else sent.tries + 1
        LOGGER.warning("lost the worker of %s (%s: %.200s), loss %d of at most %d",
                       _named(sent), type(error).__name__, error, sent.tries, _TRIES)
        if len(sent.points) > 1:  # one of them may be to blame
            self.again += [_Sent([p], sent.tries) for p in sent.points]
            return
        if sent.tries < _TRIES:
            LOGGER.info("%s goes out again", _named(sent))
            self.again.append(sent)
            return
        told = f"its workers were lost: {type(error).__name__}: {error}"[:500]
        self.waiting.finish([Outcome(number, None, told) for number, _ in sent.points])

    def _revive(self, error: BaseException) -> None:
        """Replace the workers of a broken pool, where it can be; its points go out one by one."""
        revive = getattr(self.executor, "revive", None)
        if revive is None:
            raise self._gone(error)
        for sent in list(self.out):
            self.out.discard(sent)
            self.again.append(sent)
        self.alone += self.again
        self.again = []
        LOGGER.info("new workers; %d points go out again, one by one",
                    sum(len(sent.points) for sent in self.alone))
        revive()


def _named(sent: _Sent) -> str:
    """Return which points these are, by their numbers in the grid."""
    numbers = [number for number, _ in sent.points]
    more = f" and {len(numbers) - 1} more" if len(numbers) > 1 else ""
    return f"point {numbers[0]}{more}"


def _is_done(future: Any) -> bool:
    done = getattr(future, "done", None)
    return bool(done()) if callable(done) else False
