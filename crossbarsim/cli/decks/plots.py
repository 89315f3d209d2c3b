"""Pictures of the results of decks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...core.errors import ParameterError
from ...core.files import plain_name, save_figure

__all__ = ["save_asked", "save_pictures"]

_MOST = 12  # curves of one panel: ten colours, then dashed
_ROWS = 6  # panels of one picture
_PAGES = 8  # pictures of one result
_LINES = ("-", "--", ":", "-.")  # for each ten colours
Curve: TypeAlias = tuple[str, Any, Any]
"""Label, abscissa, ordinate."""
_NAMES = {"Transient": "tran", "Spectrum": "ac", "Sweep": "dc", "NoiseSpectrum": "noise"}


def save_pictures(
    deck: Path, results: list[Any], chosen: Sequence[str] = (),
    tell: Callable[[str], None] = print,
) -> list[Path]:
    """Write a picture beside the working folder for every result that has curves.

    Voltages and currents of a transient or a sweep; magnitude and phase over frequency; noise
    densities: all of them, `_MOST` at most in one panel, and several pictures where the panels are
    many. Of steps each is a curve, with its values in the legend.

    Parameters
    ----------
    deck : Path
        Names the files.
    results : list of results
    chosen : sequence of str
        Names of the vectors to draw, empty: all.
    tell : callable
        Gets a line where there are too many to be drawn.

    Raises
    ------
    ParameterError
        A name that no result has.
    """
    files: list[Path] = []
    used: dict[str, int] = {}
    drawn: set[str] = set()
    for result in results:
        many = _each(result)
        kind = _NAMES.get(type(many[0][1]).__name__) if many else None
        if kind is None:
            continue
        used[kind] = used.get(kind, 0) + 1
        number = "" if used[kind] == 1 else str(used[kind])
        names = _names(kind, many[0][1])
        if chosen:
            names = [name for name in chosen if name in many[0][1]]
            drawn.update(names)
        panels = _panels(kind, many, names)
        if len(panels) > _ROWS * _PAGES:
            every = sum(map(len, panels))
            panels = panels[:_ROWS * _PAGES]
            tell(f"{kind}: the first {sum(map(len, panels))} of {every} curves are drawn; choose "
                 "vectors with --vectors")
        for page, start in enumerate(range(0, len(panels), _ROWS)):
            more = f"-{page + 1}" if len(panels) > _ROWS else ""
            files.append(Path(f"{deck.stem}-{kind}{number}{more}.png"))
            figure = _figure(kind, many, panels[start:start + _ROWS])
            save_figure(figure, files[-1], dpi=150)
    missing = [name for name in chosen if name not in drawn]
    if missing:
        raise ParameterError(f"`--vectors`: no result has {', '.join(missing)}")
    return files


def _each(result: Any) -> list[tuple[str, Any]]:
    """Return a result, or those of every step, with the step's values as text."""
    if not hasattr(result, "results"):
        return [("", result)]
    return [
        (", ".join(f"{name}={value:.4g}" for name, value in values.items()), one)
        for values, one in result
    ]


def _names(kind: str, result: Any) -> list[str]:
    if kind == "noise":
        return ["onoise_spectrum", "inoise_spectrum"]
    return list(result.names)


def _current(name: str) -> bool:
    return name.startswith(("i(", "@"))


def _panels(kind: str, many: list[tuple[str, Any]], names: list[str]) -> list[list[Curve]]:
    """Return the curves of every panel: voltages and currents apart, not too many in one."""
    found: list[list[Curve]] = []
    apart = kind in ("tran", "dc")
    for currents in (False, True) if apart else (False,):
        curves: list[Curve] = []
        for name in names:
            if apart and _current(name) != currents:
                continue
            for told, result in many:
                shape = result.shape
                outer = list(result.axes.items())[:-1]
                rows = np.reshape(result[name], (-1, shape[-1]))
                for k, y in enumerate(rows):
                    places = np.unravel_index(k, shape[:-1]) if outer else ()
                    values = [f"{axis}={v[p]:.4g}" for (axis, v), p in
                              zip(outer, places, strict=True)]
                    label = ", ".join(part for part in (name, *values, told) if part)
                    curves.append((label, list(result.axes.values())[-1], y))
        found += [curves[k:k + _MOST] for k in range(0, len(curves), _MOST)]
    return found


def save_asked(deck: Path, pictures: list[Any]) -> list[Path]:
    """Write a picture for every ``plot`` of a control block."""
    files: list[Path] = []
    for k, picture in enumerate(pictures, 1):
        figure = Figure(figsize=(7.0, 3.8), layout="constrained")
        FigureCanvasAgg(figure)
        axis = figure.subplots()
        for k_curve, (label, x, y) in enumerate(picture.curves):
            axis.plot(x, y, label=label, linestyle=_LINES[k_curve // 10 % len(_LINES)])
        for which, setting in (("x", axis.set_xscale), ("y", axis.set_yscale)):
            spectrum = which == "x" and picture.abscissa == "frequency" and _decades(picture)
            if which in picture.logarithmic or spectrum:
                setting("log")
        if "x" in picture.limits:
            axis.set_xlim(*picture.limits["x"])
        if "y" in picture.limits:
            axis.set_ylim(*picture.limits["y"])
        units = {"time": "time (s)", "frequency": "frequency (Hz)"}
        axis.set_xlabel(picture.xlabel or units.get(picture.abscissa, picture.abscissa))
        axis.set_ylabel(picture.ylabel)
        axis.grid(visible=True, alpha=0.3)
        axis.legend(fontsize="small")
        if picture.title:
            figure.suptitle(picture.title)
        name = plain_name(picture.name) if picture.name else f"plot{k}"
        files.append(save_figure(figure, Path(f"{deck.stem}-{name}.png"), dpi=150))
    return files


def _decades(picture: Any) -> bool:
    """Whether frequencies are spread over decades."""
    x = np.asarray(picture.curves[0][1])
    return bool(len(x) > 2 and x[0] > 0 and np.ptp(np.diff(x)) > 1e-6 * x[-1])


def _figure(kind: str, many: list[tuple[str, Any]], panels: list[list[Curve]]) -> Figure:
    first = many[0][1]
    rows = 2 * len(panels) if kind == "ac" else len(panels)
    figure = Figure(figsize=(9.0, 2.8 * rows + 0.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(np.atleast_1d(figure.subplots(rows, 1, sharex=True)))
    for k, curves in enumerate(panels):
        mine = axes[2 * k:2 * k + 2] if kind == "ac" else [axes[k]]
        for m, (label, x, y) in enumerate(curves):
            style = {"color": f"C{m % 10}", "linestyle": _LINES[m // 10], "label": label}
            if kind == "ac":
                with np.errstate(divide="ignore"):
                    mine[0].semilogx(x, 20 * np.log10(np.abs(y)), **style)
                mine[1].semilogx(x, np.degrees(np.unwrap(np.angle(y))), **style)
            elif kind == "noise":
                mine[0].loglog(x, y, **style)
            else:
                mine[0].plot(x, y, **style)
        texts = {"ac": ("magnitude (dB)", "phase (degree)"), "noise": ("density per root hertz",)}
        own = ("current (A)",) if _current(curves[0][0]) else ("voltage (V)",)
        for axis, text in zip(mine, texts.get(kind, own), strict=True):
            axis.set_ylabel(text)
            axis.grid(visible=True, alpha=0.3)
        mine[0].legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1.0))
    axes[-1].set_xlabel({"tran": "time (s)", "ac": "frequency (Hz)", "noise": "frequency (Hz)",
                         "dc": list(first.axes)[-1]}[kind])
    figure.suptitle(first.circuit.title)
    return figure
