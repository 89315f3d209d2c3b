"""Control blocks: the part of ngspice's command language that is known, on our own results."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import NetlistError, ParameterError
from ....core.progress import Progress, ProgressMeter, Silent, metered
from ....core.units import plain_number
from ....netlists.analyses import NAMES, Command, Points, Step, Sweep
from ....netlists.circuit import Circuit
from ....netlists.spice.commands.command_names import IDLE
from ....netlists.spice.commands.dot_commands import read_command, read_output
from ....netlists.spice.commands.measures import read_measure
from ....netlists.spice.read.lines import Line
from ....netlists.spice.read.scope import Scope
from ....netlists.spice.read.subcircuit_tree import Block
from ..analyses.dc import with_value
from ..analyses.deck import run_deck, run_one
from ..analyses.fourier import Fourier, Harmonics, harmonics
from ..analyses.measure import measure
from ..results.results import Curves
from .alter import altered
from .output import Writer, filled, joined, shown, whole_number
from .plot import Picture, read_picture
from .rounds import Rounds
from .vectors import Plot, Vectors, composed, condition

__all__ = ["Session", "run_commands"]

_ANALYSES = tuple(name for name in NAMES if name != "four")  # that one is of vectors
_IGNORED = ("save", "settype", *IDLE)


class _Quit(Exception):
    pass


class Session:
    """Runs the commands of a control block.

    Parameters
    ----------
    circuit : Circuit
        As it was read; ``alter`` works on copies.
    folder : path
        Where ``wrdata`` and ``write`` put their files.
    tell : callable, optional
        Gets every line that the commands print.
    progress : ProgressMeter, optional
        See `run_deck`.
    draws : bool
        Whether the caller draws `pictures`; else ``plot`` prints a note.
    outside : bool
        Whether ``wrdata`` and ``write`` may write outside of `folder`.

    Attributes
    ----------
    circuit : Circuit
        As altered.
    vectors : Vectors
        All plots; ``session["v(out)"]`` is a vector of the current one.
    variables : dict
        Set with ``set``.
    printed : list of str
    pictures : list of Picture
        What ``plot`` asked for.
    files : list of Path
    """

    def __init__(
        self, circuit: Circuit, *, folder: str | Path = ".",
        tell: Callable[[str], None] | None = None, progress: ProgressMeter | None = None,
        draws: bool = False, outside: bool = False,
    ) -> None:
        self.original = self.circuit = circuit
        self.tell, self.progress = tell, progress or Silent()
        self.vectors = Vectors(lambda: self.circuit)
        self.variables: dict[str, str] = {  # what `set` may say, options may, too
            name: str(circuit.options[name])
            for name in ("numdgt", "filetype", "nfreqs", "fourgridsize") if name in circuit.options
        }
        self.rounds = Rounds(self.variables)
        self.printed: list[str] = []
        self.pictures: list[Picture] = []
        self.draws = draws
        self.parameters: dict[str, float] = {}
        self.writer = Writer(Path(folder), self.vectors, self.variables, outside=outside)

    @property
    def files(self) -> list[Path]:
        """Files that were written."""
        return self.writer.files

    def __getitem__(self, text: str) -> Any:
        return self.vectors.evaluate(text)

    def say(self, text: str) -> None:
        """Print."""
        self.printed.append(text)
        if self.tell is not None:
            self.tell(text)

    # -- running -----------------------------------------------------------------------------

    def run(self, commands: Sequence[Command]) -> Session:
        """Run commands.

        Raises
        ------
        NetlistError
            With the command's file and line.
        """
        with contextlib.suppress(_Quit):
            self._block(commands)
        return self

    def _block(self, commands: Sequence[Command]) -> None:
        for command in commands:
            try:
                self._one(command)
            except ParameterError as error:
                place = command.where or (None, None)
                raise NetlistError(
                    f"{command.name}: {error}", file=place[0] or None, line=place[1]
                ) from error

    def _one(self, c: Command) -> None:
        if c.name in ("foreach", "repeat", "while", "dowhile", "if"):
            self._loop(c)
            return
        arguments = tuple(self._filled(a) for a in c.arguments)
        if c.name in _ANALYSES:
            self._analysis(c, arguments)
            return
        if c.name in IDLE:
            self.say(f"{c.name}: there is nothing to show")
        if c.name in _IGNORED:
            return
        getattr(self, f"_do_{c.name}")(c, arguments)

    def _filled(self, text: str) -> str:
        return filled(text, self.vectors, self.variables)

    def _loop(self, c: Command) -> None:
        if c.name == "if":
            self._block(c.body if self._true(c.arguments[0]) else c.otherwise)
        elif c.name == "foreach":
            name, *values = c.arguments
            for value in " ".join(self._filled(v) for v in values).split():
                self.variables[name.lower()] = value
                self.rounds.add()
                self._block(c.body)
        elif c.name == "repeat":
            count = self._number(self._filled(c.arguments[0])) if c.arguments else math.inf
            self.rounds.add(max(count, 0.0))
            for _ in range(int(count)):
                self._block(c.body)
        else:
            rounds = 0
            while (rounds == 0 and c.name == "dowhile") or self._true(c.arguments[0]):
                rounds += 1
                self.rounds.add()
                self._block(c.body)

    def _true(self, text: str) -> bool:
        plain = condition(self._filled(text))
        return bool(np.any(np.real(self.vectors.evaluate(plain)) != 0))

    def _number(self, text: str) -> float:
        plain = plain_number(text.strip())
        if plain is not None:
            return plain
        return float(np.real(self.vectors.evaluate(text).ravel()[0]))

    # -- analyses ----------------------------------------------------------------------------

    def _scope(self) -> Scope:
        deck = self.original.deck
        block = deck.top if deck is not None else Block("", (), {}, [], None)
        compat = deck.compat if deck is not None else ""
        return Scope(block, None, "", {}, {}, compat, self.parameters)

    def _line(self, c: Command, text: str) -> Line:
        file, number = c.where or ("<control>", 1)
        return Line(text, file, number)

    def _analysis(self, c: Command, arguments: Sequence[str]) -> None:
        asked = Circuit()
        line = self._line(c, f".{c.name} {' '.join(arguments)}".strip())
        read_command(self._scope(), line, asked)
        analysis = asked.analyses[0]
        self.progress.begin(c.name, 1)
        self.vectors.add(c.name, run_one(self.circuit, analysis), analysis)
        self.progress.advance(c.name)

    def _do_run(self, c: Command, arguments: Sequence[str]) -> None:
        del arguments
        if any(isinstance(a, Step) for a in self.circuit.analyses):
            raise ParameterError("`.step` and a control block: use `foreach` with `alterparam` and "
                                 "`reset` in the control block instead")
        if not self.circuit.analyses:
            raise ParameterError("the deck has no analysis")
        results = run_deck(self.circuit, progress=self.progress)
        for analysis, result in zip(self.circuit.analyses, results, strict=True):
            if isinstance(result, Fourier):
                for one in result:
                    self.say(str(one))
                continue
            kind = type(analysis).__name__.lower()
            plot = self.vectors.add(kind, result, analysis)
            for name, value in result.measures.items():
                self._measured(plot, name, value)
        del c

    def _measured(self, plot: Plot, name: str, value: Any) -> None:
        plot.own[name] = np.atleast_1d(np.asarray(value))
        failed = bool(np.isnan(value).any())
        self.say(f"{name} = {'failed' if failed else ' '.join(map(shown, np.ravel(value)))}")

    def _do_meas(self, c: Command, arguments: Sequence[str]) -> None:
        line = self._line(c, f".meas {' '.join(arguments)}")
        one = read_measure(self._scope(), line, read_output)
        plot = self.vectors.current
        if not isinstance(plot.result, Curves) or not plot.name.startswith(one.analysis):
            known = [p for n, p in self.vectors.plots.items() if n.startswith(one.analysis)]
            if not known:
                raise ParameterError(f"there is no result of `{one.analysis}` to measure")
            plot = known[-1]
        for name, value in plot.own.items():
            if np.size(value) == 1:
                plot.result.measures.setdefault(name, float(np.real(value).ravel()[0]))
        value = measure(plot.result, one)
        plot.result.measures[one.name] = value
        self._measured(plot, one.name, value)

    _do_measure = _do_meas

    def _do_fourier(self, c: Command, arguments: Sequence[str]) -> None:
        del c
        plot = self.vectors.current
        scale = plot.scale
        if scale is None or scale[0] != "time":
            raise ParameterError("the current plot is no transient")
        options = {k: whole_number(n, self.variables[n], 1_000_000) for k, n in
                   (("count", "nfreqs"), ("grid", "fourgridsize")) if n in self.variables}
        for text in arguments[1:]:
            found: Harmonics = harmonics(
                text, scale[1], np.real(self.vectors.evaluate(text)), self._number(arguments[0]),
                **options,
            )
            self.say(str(found))

    _do_four = _do_fourier

    def _do_linearize(self, c: Command, arguments: Sequence[str]) -> None:
        del c, arguments
        made = self.vectors.current.linearised("new")
        self.vectors.add("tran", made.result, made.analysis)

    # -- the circuit -------------------------------------------------------------------------

    def _do_alter(self, c: Command, arguments: Sequence[str]) -> None:
        self.circuit = altered(self.circuit, c.name, " ".join(arguments), self._number)

    _do_altermod = _do_alter

    def _do_alterparam(self, c: Command, arguments: Sequence[str]) -> None:
        del c
        name, sign, value = " ".join(arguments).partition("=")
        if not sign or self.original.deck is None:
            raise ParameterError("`alterparam name = value` of a deck's parameter is expected")
        self.parameters[name.strip().lower()] = self._number(value)

    def _do_reset(self, c: Command, arguments: Sequence[str]) -> None:
        del c, arguments
        self.circuit = self.original
        if self.parameters:
            self.circuit = self.original.deck.circuit(**self.parameters)

    # -- vectors -----------------------------------------------------------------------------

    def _do_let(self, c: Command, arguments: Sequence[str]) -> None:
        del c
        target, text = arguments
        value = self.vectors.evaluate(text)
        place = re.fullmatch(r"(\w+)\s*\[(.+)\]", target.strip())
        own = self.vectors.current.own
        if place is None:
            own[target.strip().lower()] = value
            return
        name = place[1].lower()
        if name not in own:
            raise ParameterError(f"there is no vector `{name}` to change")
        changed = np.array(own[name], dtype=np.result_type(own[name], value))
        index = int(self._number(place[2]))
        if not 0 <= index < len(changed):
            raise ParameterError(f"`{target}`: the vector has {len(changed)} values")
        changed[index] = value.ravel()[0]
        own[name] = changed

    def _do_unlet(self, c: Command, arguments: Sequence[str]) -> None:
        for name in arguments:
            (self.variables if c.name == "unset" else self.vectors.current.own).pop(
                name.lower(), None
            )

    _do_unset = _do_unlet
    def _do_set(self, c: Command, arguments: Sequence[str]) -> None:
        del c
        text = re.sub(r"\s*=\s*", "=", " ".join(arguments))
        for word in re.findall(r"\w+(?:=\([^()]*\)|=\S+)?", text):
            name, _, value = word.partition("=")
            self.variables[name.lower()] = value.strip("() ")
            if name.lower() in ("temp", "temper"):
                points = Points("list", listed=(self._number(value),))
                self.circuit = with_value(
                    self.circuit, Sweep("temperature", "temp", points), points.listed[0]
                )

    def _do_option(self, c: Command, arguments: Sequence[str]) -> None:
        self.circuit = self.circuit.copy()
        read_command(self._scope(), self._line(c, f".options {' '.join(arguments)}"), self.circuit)

    def _do_setplot(self, c: Command, arguments: Sequence[str]) -> None:
        del c
        self.vectors.select(arguments[0] if arguments else "")

    def _do_destroy(self, c: Command, arguments: Sequence[str]) -> None:
        del c
        self.vectors.drop([a.lower() for a in arguments] or [self.vectors.current.name])

    # -- output ------------------------------------------------------------------------------

    def _do_echo(self, c: Command, arguments: Sequence[str]) -> None:
        del c
        self.say(" ".join(arguments))

    def _do_display(self, c: Command, arguments: Sequence[str]) -> None:
        del c, arguments
        plot = self.vectors.current
        for name in plot.names():
            vector = plot.get(name)
            if vector is not None:
                kind = "complex" if np.iscomplexobj(vector) else "real"
                self.say(f"{name}: {kind}, {np.size(vector)} long")

    def _do_print(self, c: Command, arguments: Sequence[str]) -> None:
        del c
        for line in self.writer.table(arguments):
            self.say(line)

    def _do_plot(self, c: Command, arguments: Sequence[str]) -> None:
        name = ""
        if c.name != "plot":
            name, *arguments = arguments or ("",)
        picture = read_picture(self.vectors, arguments, self._number, joined, Path(name).stem)
        self.pictures.append(picture)
        if not self.draws:
            labels = ", ".join(label for label, _, _ in picture.curves)
            self.say(f"{c.name} {labels}: `crossbarsim run --plot` draws it")

    _do_hardcopy = _do_gnuplot = _do_plot

    def _do_wrdata(self, c: Command, arguments: Sequence[str]) -> None:
        self.writer.data(c.name, arguments)

    def _do_write(self, c: Command, arguments: Sequence[str]) -> None:
        self.writer.raw(c.name, arguments)

    def _do_compose(self, c: Command, arguments: Sequence[str]) -> None:
        del c
        name, values = composed(arguments, self._number)
        self.vectors.current.own[name] = values

    def _do_quit(self, c: Command, arguments: Sequence[str]) -> None:
        del c, arguments
        raise _Quit

    _do_exit = _do_quit


def run_commands(
    circuit: Circuit, *, folder: str | Path = ".", tell: Callable[[str], None] | None = None,
    progress: Progress = None, draws: bool = False, outside: bool = False,
) -> Session:
    """Run a deck's control blocks; the tasks of `progress` are its analyses.

    Files of ``write`` and ``wrdata`` lie in `folder`, or below; with `outside` anywhere.

    Raises
    ------
    NetlistError
        With file and line of the command.
    """
    if not circuit.commands:
        raise ParameterError("the circuit has no control block")
    with metered(progress) as meter:
        session = Session(
            circuit, folder=folder, tell=tell, progress=meter, draws=draws, outside=outside
        )
        return session.run(circuit.commands)
