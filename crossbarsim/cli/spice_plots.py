"""Pictures of the results of decks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..core.files import plain_name, save_figure

__all__ = ["save_asked", "save_pictures"]

_MOST = 12  # curves of one picture
_NAMES = {"Transient": "tran", "Spectrum": "ac", "Sweep": "dc", "NoiseSpectrum": "noise"}


def save_pictures(deck: Path, results: list[Any]) -> list[Path]:
    """Write a picture beside the working folder for every result that has curves.

    Voltages and currents of a transient or a sweep; magnitude and phase over frequency; noise
    densities. Of steps each is a curve.
    """
    files: list[Path] = []
    used: dict[str, int] = {}
    for result in results:
        many = list(getattr(result, "results", [result]))
        kind = _NAMES.get(type(many[0]).__name__) if many else None
        if kind is None:
            continue
        used[kind] = used.get(kind, 0) + 1
        number = "" if used[kind] == 1 else str(used[kind])
        files.append(Path(f"{deck.stem}-{kind}{number}.png"))
        save_figure(_figure(kind, many), files[-1], dpi=150)
    return files


def save_asked(deck: Path, pictures: list[Any]) -> list[Path]:
    """Write a picture for every ``plot`` of a control block."""
    files: list[Path] = []
    for k, picture in enumerate(pictures, 1):
        figure = Figure(figsize=(7.0, 3.8), layout="constrained")
        FigureCanvasAgg(figure)
        axis = figure.subplots()
        for label, x, y in picture.curves:
            axis.plot(x, y, label=label)
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


def _axes(kind: str, names: tuple[str, ...]) -> tuple[Figure, list[Any]]:
    currents = any(n.startswith("i(") for n in names) and kind in ("tran", "dc")
    count = 2 if currents or kind == "ac" else 1
    figure = Figure(figsize=(7.0, 2.6 * count + 0.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = np.atleast_1d(figure.subplots(count, 1, sharex=True))
    return figure, list(axes)


def _figure(kind: str, many: list[Any]) -> Figure:
    first = many[0]
    names = first.names if kind != "noise" else ("onoise_spectrum", "inoise_spectrum")
    voltages = [n for n in names if not n.startswith("i(")][:_MOST]
    currents = [n for n in names if n.startswith("i(")][:_MOST]
    figure, axes = _axes(kind, tuple(names))
    for result in many:
        x = list(result.axes.values())[-1]
        for name in voltages:
            for y in np.reshape(result[name], (-1, len(x))):
                label = name if result is first and not _labelled(axes[0], name) else None
                if kind == "ac":
                    with np.errstate(divide="ignore"):
                        axes[0].semilogx(x, 20 * np.log10(np.abs(y)), label=label)
                    axes[1].semilogx(x, np.degrees(np.unwrap(np.angle(y))))
                elif kind == "noise":
                    axes[0].loglog(x, y, label=label)
                else:
                    axes[0].plot(x, y, label=label)
        for name in currents if kind in ("tran", "dc") else ():
            for y in np.reshape(result[name], (-1, len(x))):
                label = name if result is first and not _labelled(axes[-1], name) else None
                axes[-1].plot(x, y, label=label)
    _named(kind, axes, list(first.axes)[-1])
    figure.suptitle(first.circuit.title)
    return figure


def _labelled(axis: Any, name: str) -> bool:
    return name in axis.get_legend_handles_labels()[1]


def _named(kind: str, axes: list[Any], swept: str) -> None:
    texts = {
        "tran": ("voltage (V)", "current (A)"), "dc": ("voltage (V)", "current (A)"),
        "ac": ("magnitude (dB)", "phase (degree)"), "noise": ("density per root hertz", ""),
    }[kind]
    for axis, text in zip(axes, texts, strict=False):
        axis.set_ylabel(text)
        axis.grid(visible=True, alpha=0.3)
        if axis.get_legend_handles_labels()[1]:
            axis.legend(fontsize="small")
    axes[-1].set_xlabel({"tran": "time (s)", "ac": "frequency (Hz)", "noise": "frequency (Hz)",
                         "dc": swept}[kind])
