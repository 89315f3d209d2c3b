"""``crossbarsim run`` and ``crossbarsim check``: SPICE decks on the circuit engine."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from ...core.errors import NetlistError, ParameterError
from ...core.progress import RichProgress
from ..errors import reported, studies_extra
from ..output import Html, page_path, save_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...netlists.analyses import Command
    from ...netlists.circuit import Circuit

__all__ = ["check", "run"]

_Deck = Annotated[Path, typer.Argument(
    help="SPICE deck, a file of ngspice's, LTspice's or HSPICE's kind.")]
_Ngspice = Annotated[bool, typer.Option(
    "--ngspice", help="Read expressions as ngspice does: powers of negative numbers, quotients by "
         "0.")]
_Ltspice = Annotated[bool, typer.Option(
    "--ltspice", help="Read expressions as LTspice and PSpice do: powers of negative numbers.")]
_Strict = Annotated[bool, typer.Option(
    "--strict", help="Refuse unknown options and parameters of model cards.")]
_Parameters = Annotated[list[str] | None, typer.Option(
    "--param", metavar="NAME=VALUE", help="Value of a .param of the deck, as r=2k; may be "
         "repeated.")]


def _read(
    deck: Path, ngspice: bool, ltspice: bool, parameters: list[str] | None, strict: bool
) -> Circuit:
    from ...core.units import spice_number
    from ...netlists.spice.reader import read_spice

    if not deck.is_file():
        raise NetlistError("there is no such file", file=str(deck))
    given = {}
    for text in parameters or []:
        name, mark, value = text.partition("=")
        if not mark:
            raise ParameterError(f"`--param` must look like r=1k; got {text}")
        given[name.strip()] = spice_number(name, value)
    if ngspice and ltspice:
        raise ParameterError("give `--ngspice` or `--ltspice`")
    compat = "ngspice" if ngspice else "ltspice" if ltspice else ""
    return read_spice(deck, compat=compat, parameters=given, strict=strict)


def _needs_no_point(circuit: Circuit) -> bool:
    """Return whether all that a deck runs are transients that begin without operating point."""
    from ...netlists.analyses import NAMES, Four, Step, Tran

    def uses(commands: Sequence[Command]) -> Iterator[bool]:
        for c in commands:
            if c.name == "run":
                yield from kept
            elif c.name in NAMES and c.name != "four":
                yield c.name == "tran" and "uic" in " ".join(c.arguments).lower().split()
            yield from uses((*c.body, *c.otherwise))

    kept = [isinstance(a, Tran) and a.uic for a in circuit.analyses
            if not isinstance(a, (Four, Step))]
    found = list(uses(circuit.commands)) if circuit.commands else kept
    return bool(found) and all(found)


def check(
    deck: _Deck, ngspice: _Ngspice = False, ltspice: _Ltspice = False, param: _Parameters = None,
    strict: _Strict = False,
) -> None:
    """Read a deck without running it: errors come with file and line."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    with reported():
        circuit = _read(deck, ngspice, ltspice, param, strict)
        from ...solvers.circuit.analyses.op import prepare

        system = prepare(circuit, uic=_needs_no_point(circuit))
        kinds: dict[str, int] = {}
        for element in circuit:
            kinds[element.kind] = kinds.get(element.kind, 0) + 1
        console.print(f"{circuit.title}")
        console.print(
            f"{len(circuit)} elements ({', '.join(f'{n} {k}' for k, n in sorted(kinds.items()))}), "
            f"{len(circuit.nodes)} nodes, {system.size} unknowns"
        )
        names = [f".{type(a).__name__.lower()}" for a in circuit.analyses]
        console.print(f"analyses: {', '.join(names) or 'none: the operating point'}")
        for name, block in circuit.arrays.items():
            way = "its inner nodes are eliminated by the structured solver"
            if name not in system.circuit.arrays:
                way = f"written out, since the card {block.transistor} is not static (see is=0)"
            console.print(f"{name}: crossbar of {block.shape[0]}x{block.shape[1]}, {way}")
        for note in circuit.notes:
            console.print(note)
        if circuit.measures:
            console.print(f"measures: {', '.join(m.name for m in circuit.measures)}")
        if circuit.commands:
            console.print(f"control block: {len(circuit.commands)} commands")


def run(
    deck: _Deck,
    out: Annotated[Path | None, typer.Option(
        help="Write results to this .raw (ngspice's format) or .csv file.")] = None,
    plot: Annotated[bool, typer.Option(
        "--plot", help="Write a picture of every analysis, DECK-tran.png, or of every `plot` "
        "of the control block, DECK-plot1.png.")] = False,
    vectors: Annotated[list[str] | None, typer.Option(
        help="Of the pictures: names such as v(out); may be repeated. Default: all.")] = None,
    html: Html = None,
    allow_write_outside: Annotated[bool, typer.Option(
        "--allow-write-outside", help="Let `write` and `wrdata` of the deck write to any folder, "
        "not only to the current one and those below.")] = False,
    ngspice: _Ngspice = False,
    ltspice: _Ltspice = False,
    param: _Parameters = None,
    strict: _Strict = False,
) -> None:
    """Run a deck's analyses, or its control block; print operating points and measures."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    with reported():
        if out is not None and out.suffix.lower() not in (".raw", ".csv"):
            raise ParameterError(f"`--out` must end in .raw or .csv; got {out.name}")
        if out is not None:
            from ...core.files import check_writable

            check_writable(out)
        page = page_path(html)
        circuit = _read(deck, ngspice, ltspice, param, strict)
        console.print(circuit.title)
        errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
        for note in circuit.notes:
            errors.print(note)
        if circuit.commands:
            from ...solvers.circuit.control.interpreter import run_commands

            with RichProgress(errors, transient=True) as progress:
                session = run_commands(
                    circuit, folder=Path.cwd(), tell=console.print, progress=progress,
                    draws=plot, outside=allow_write_outside,
                )
            results = [p.result for p in session.vectors.plots.values() if p.result is not None]
            files, asked = list(session.files), session.pictures
        else:
            from ...solvers.circuit.analyses.deck import run_deck

            with RichProgress(errors, transient=True) as progress:
                results = run_deck(circuit, progress=progress)
            for result in results:
                _show(result, circuit, console)
            files, asked = [], []
        if out is not None:
            from ...solvers.circuit.results.export import save_results

            files += save_results(out, results)
        if plot:
            files += _pictures(deck, results, asked, vectors or [], console.print)
        if page is not None:
            from ...solvers.circuit.results.views import DeckResults

            files.append(save_page(DeckResults(circuit.title, deck.name, results), page))
        for file in files:
            console.print(f"wrote {file}")


def _value(value: float) -> str:
    return "failed" if math.isnan(value) else f"{value:.6g}"


def _show(result: Any, circuit: Circuit, console: Console) -> None:
    """Print what a result has to say in a few lines."""
    import numpy as np

    if isinstance(result, list):  # Fourier
        for one in result:
            console.print(str(one))
        return
    name = type(result).__name__
    if name == "Stepped":
        _show_steps(result, console)
        return
    if name in ("OperatingPoint", "TransferFunction", "Sensitivities"):
        table = Table(Column("quantity"), Column("value", justify="right"),
                      title=f"{_spoken(name)}")
        for key, value in result.to_dict().items():
            table.add_row(key, f"{value:.6g}")
        console.print(table)
        return
    axes = ", ".join(f"{len(v)} values of {k}" for k, v in result.axes.items())
    console.print(f"{_spoken(name)}: {axes}")
    if name == "NoiseSpectrum":
        for key in ("onoise_total", "inoise_total"):
            console.print(f"{key} = {result[key]:.6g}")
    for key, value in result.measures.items():
        text = ", ".join(_value(float(v)) for v in np.ravel(value))
        console.print(f"{key} = {text}")
    _printed(result, circuit, console)


def _printed(result: Any, circuit: Circuit, console: Console) -> None:
    """Print the first and last values of what ``.print`` names."""
    import numpy as np

    from ...solvers.circuit.analyses.measure import evaluate

    kind = {"Transient": "tran", "Spectrum": "ac", "Sweep": "dc", "NoiseSpectrum": "noise"}
    for save in circuit.saves:
        if save.kind != "print" or save.analysis not in ("", kind.get(type(result).__name__)):
            continue
        for output in save.outputs:
            values = np.ravel(evaluate(result, output))
            if np.iscomplexobj(values):
                values = np.abs(values)
            console.print(
                f"{output.text}: {values[0]:.6g} to {values[-1]:.6g}, "
                f"between {values.min():.6g} and {values.max():.6g}"
            )


def _show_steps(result: Any, console: Console) -> None:
    import numpy as np

    measures = result.measures
    console.print(f"{len(result)} steps of {', '.join(result.steps)}")
    if not measures:
        return
    table = Table(*(Column(n, justify="right") for n in (*result.steps, *measures)))
    for k, (values, _) in enumerate(result):
        row = [_value(v) for v in values.values()]
        row += [_value(float(np.ravel(m)[k])) for m in measures.values()]
        table.add_row(*row)
    console.print(table)


def _spoken(name: str) -> str:
    return {
        "OperatingPoint": "Operating point", "TransferFunction": "Transfer function",
        "Sensitivities": "Sensitivities", "Transient": "Transient", "Spectrum": "AC analysis",
        "Sweep": "DC sweep", "NoiseSpectrum": "Noise", "SensitivitySpectrum": "Sensitivities",
    }[name]


def _pictures(
    deck: Path, results: list[Any], asked: list[Any], vectors: list[str],
    tell: Callable[[str], None],
) -> list[Path]:
    """Write what ``plot`` commands ask for, else one picture per analysis; return the files."""
    with studies_extra():
        from .plots import save_asked, save_pictures
    if asked and not vectors:
        return save_asked(deck, asked)
    return save_pictures(deck, results, vectors, tell)
