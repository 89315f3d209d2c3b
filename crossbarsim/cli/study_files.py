"""``crossbarsim study run``, ``show``, ``merge``, ``new``: studies from files."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from ..core.errors import ParameterError
from ..core.locks import FolderLock
from .errors import reported, studies_extra
from .output import Html, page_path, save_page
from .study import study

if TYPE_CHECKING:
    from ..studies import StudyResult
    from ..studies.files import Prepared

__all__: list[str] = []

_File = Annotated[Path, typer.Argument(help="A study file; `crossbarsim study new` writes one.")]
_Out = Annotated[Path | None, typer.Option(help="Folder of results, in place of the file's.")]
_MOST_FAILURES = 5


def _prepared(file: Path, out: Path | None) -> Prepared:
    with studies_extra():
        from ..studies.files import Prepared, prepare, read_study_file
    found = prepare(read_study_file(file))
    return found if out is None else Prepared(found.study, out)


def _show(
    result: StudyResult, out: Path, console: Console, *, save: bool = True,
    page: Path | None = None,
) -> None:
    """Print what came out, and write it into its folder."""
    console.print(result.summary(), highlight=False)
    for one in result.failures[:_MOST_FAILURES]:
        at = ", ".join(f"{k} = {v}" for k, v in one.items() if k != "message")
        console.print(f"failed: {at}: {one['message']}", soft_wrap=True, markup=False,
                      highlight=False)
    if len(result.failures) > _MOST_FAILURES:
        console.print(f"... {len(result.failures) - _MOST_FAILURES} more in {out / 'study.json'}",
                      soft_wrap=True, highlight=False)
    dims = set(result.axes)
    for name in result.measures:
        if set(result.dataset[name].dims) <= dims and result.dataset[name].count() > 0:
            console.print(f"\n{result.markdown(name)}", markup=False, highlight=False,
                          soft_wrap=True)
    if save:
        with FolderLock(out):
            files = result.save(out)
        if page is not None:
            files = (*files, save_page(result, page))
        for file in files:
            console.print(f"wrote {file}", soft_wrap=True)


@study.command("run")
def run(
    file: _File,
    out: _Out = None,
    workers: Annotated[int | None, typer.Option(
        help="Processes of this machine; default: this one alone.")] = None,
    scheduler: Annotated[str | None, typer.Option(
        help="Address of a dask scheduler, such as tcp://head:8786.")] = None,
    shard: Annotated[str | None, typer.Option(
        help="Part k of n, such as 3/64; `crossbarsim study merge` joins them.")] = None,
    retry: Annotated[bool, typer.Option(
        "--retry", help="Measure points again that failed.")] = False,
    html: Html = None,
) -> None:
    """Measure the points of a study file.

    An interrupted study goes on where it stopped when the same command runs again.
    """
    console = Console()
    place = "the study's folder" if out is None else str(out)
    with reported(f": finished points are kept in {place}; run the same command to go on"):
        if workers is not None and scheduler is not None:
            raise ParameterError("give `--workers` or `--scheduler`, not both")
        page = page_path(html)
        found = _prepared(file, out)
        from ..studies import RichProgress
        from ..studies.engine.schedulers import dask_client
        from ..studies.engine.shards import checked_shard, shard_folder

        part = checked_shard(shard)
        with ExitStack() as stack:
            executor: Any = None
            if scheduler is not None:
                executor = stack.enter_context(dask_client(scheduler))
            progress = stack.enter_context(RichProgress(console))
            result = found.study.run(found.out, executor=executor, workers=workers, shard=part,
                                     retry=retry, progress=progress)
        if part is not None:
            console.print(f"{result.counts['done']} points of shard {shard} are in "
                          f"{shard_folder(found.out, part)}", soft_wrap=True, highlight=False)
            return
        _show(result, found.out, console, page=page)
    if not result.counts["done"]:
        raise typer.Exit(1)


@study.command("merge")
def merge(file: _File, out: _Out = None, html: Html = None) -> None:
    """Join the shards of a study; write its result as far as it is there."""
    with reported():
        found = _prepared(file, out)
        _show(found.study.merge(found.out), found.out, Console(), page=page_path(html))


@study.command("show")
def show(
    file: _File,
    out: _Out = None,
    trial: Annotated[int, typer.Option(
        "--try", help="Points to measure for the estimate where none is recorded; they are kept."
    )] = 1,
) -> None:
    """Show the plan of a study: points, time as the first ones tell it, memory."""
    with reported():
        found = _prepared(file, out)
        from ..core.environment import peak_memory
        from ..studies.engine.plan import bytes_text

        console = Console()
        plan = found.study.plan(found.out)
        if not plan.seconds and trial > 0:
            found.study.run(found.out, limit=trial)
            plan = found.study.plan(found.out)
        console.print(str(plan), highlight=False, soft_wrap=True)
        peak = peak_memory()
        if peak is not None:
            console.print(f"memory: {bytes_text(peak)} at most in this process so far, what a "
                          "worker needs", highlight=False, soft_wrap=True)
        console.print(f"folder: {found.out}", highlight=False, soft_wrap=True)


@study.command("new")
def new(
    file: Annotated[Path, typer.Argument(help="To be written.")] = Path("study.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a study file with every table explained."""
    with reported():
        from ..core.files import write_text
        from ..studies.files.template import TEMPLATE

        if file.exists() and not force:
            raise ParameterError(f"{file} is there already: choose another name, or --force")
        write_text(file, TEMPLATE)
        Console().print(f"wrote {file}", soft_wrap=True)
