"""Pages of the compact models: equations, parameters, presets with their sources, I-V pictures.

Everything but the equations comes from the models themselves; those are in `equations.toml`.
"""

import inspect
import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any

from crossbarsim.netlists.device_protocol import model, models
from sphinx.application import Sphinx
from written import write_changed

HERE = Path(__file__).parent
EQUATIONS: dict[str, list[str]] = tomllib.loads(
    (HERE / "equations.toml").read_text(encoding="utf-8")
)
PANELS = 6


def heading(text: str, mark: str = "=") -> list[str]:
    """Return a heading of reStructuredText."""
    return [text, mark * len(text), ""]


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """Return a table of reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [header, *rows]:
        cells = [cell.replace("|", r"\|") or r"\ " for cell in row]
        lines += [f"   {'*' if k == 0 else ' '} - {cell}" for k, cell in enumerate(cells)]
    return [*lines, ""]


def span(parameter: Any) -> str:
    """Return what a parameter may be."""
    if parameter.choices:
        return ", ".join(parameter.choices)
    sign = "<" if parameter.open else "≤"
    low = "" if parameter.low == -float("inf") else f"{parameter.low:.6g} {sign} "
    high = "" if parameter.high == float("inf") else f" {sign} {parameter.high:.6g}"
    return f"{low}value{high}" if low or high else "any"


def shown(value: object) -> str:
    """Return a default."""
    return value if isinstance(value, str) else f"{value:.6g}"


def page(name: str) -> str:
    """Write the page of a model."""
    found: Any = model(name)
    text = inspect.cleandoc(found.__doc__ or "").split("\n\nParameters\n")[0]
    lines = heading(found.__name__) + [text.replace("|", r"\|"), ""]
    for symbols in EQUATIONS[name]:
        # words below a symbol stand upright
        equation = re.sub(r"_\{([a-zA-Z]{2}[a-zA-Z]*\d*)\}", r"_{\\mathrm{\1}}", symbols)
        lines += [".. math::", "", textwrap.indent(equation, "   "), ""]
    lines += [f"In decks and commands ``{name}``; in Python :py:obj:`crossbarsim.devices.{found.__name__}`.", ""]
    lines += [f".. image:: {name}.png", f"   :alt: I-V loops of {found.__name__}", ""]
    states = [
        [f"``{s.name}``", s.unit or "1", str(s.low), str(s.high), str(s.rest)] for s in found.states
    ]
    if states:
        lines += heading("States", "-") + table(["state", "unit", "from", "to", "at rest"], states)
    declared = [
        [f"``{key}``", shown(one.default), one.unit or "1", span(one)]
        for key, one in found._declared.items()  # noqa: SLF001 - the model's declaration
    ]
    if declared:
        header = ["parameter", "default", "unit", "range or choices"]
        lines += heading("Parameters", "-") + table(header, declared)
    sets = [
        [f"``{key}``", found.sources[key], changed(found, key)] for key in found.presets()
    ]
    if sets:
        header = ["preset", "source", "other than the defaults"]
        lines += heading("Presets", "-") + table(header, sets)
    return "\n".join(lines)


def changed(found: Any, preset: str) -> str:
    """Return the parameters in which a preset differs."""
    return ", ".join(f"``{key} = {shown(value)}``" for key, value in found.sets[preset].items())


def picture(name: str, file: Path) -> None:
    """Draw the loops of a model's presets, at the voltage and frequency that it shows itself at."""
    import matplotlib as mpl  # noqa: PLC0415 - only where a picture is missing

    mpl.use("Agg")
    from crossbarsim.devices.plots import panels, plot_iv  # noqa: PLC0415

    found: Any = model(name)
    presets = found.presets()[:PANELS] or ("",)
    figure, axes = panels(len(presets))
    for preset, ax in zip(presets, axes, strict=False):
        usual = found.showcase.get(preset, found.showcase.get("", (1.0, 1e3)))
        amplitude, frequency, *cells = usual
        made = found.preset(preset) if preset else found()
        loop = made.hysteresis(
            amplitude, frequency, cycles=1, conductance=cells[0] if cells else None, seed=0
        )
        plot_iv(loop, ax=ax)
        ax.set_title(f"{preset or name}: {amplitude:g} V, {frequency:.3g} Hz", fontsize=9)
    figure.savefig(file, dpi=110)


def write(app: Sphinx, _config: Any = None) -> None:
    """Write pages that changed, and pictures that are missing or older than their model."""
    folder = Path(app.srcdir) / "reference" / "models"
    folder.mkdir(exist_ok=True)
    listed = table(["model", "what it computes", "states"], [
        [f":doc:`{model(name).__name__} <{name}>`",
         inspect.cleandoc(model(name).__doc__ or "").partition("\n")[0],
         ", ".join(f"``{s.name}``" for s in model(name).states) or "none"] for name in models()
    ])
    texts = {name: page(name) for name in models()}
    texts["index"] = "\n".join([
        *heading("Compact models"),
        "Each model with its equations, its parameters with units and ranges, and its published",
        "parameter sets with their sources; the loops are drawn by the models themselves.",
        "``crossbarsim device list`` and ``crossbarsim device show`` tell the same in the shell.", "",
        *listed, ".. toctree::", "   :hidden:", "", *(f"   {name}" for name in models()),
    ])
    for name, text in texts.items():
        write_changed(folder / f"{name}.rst", text)
    for name in models():
        file, source = folder / f"{name}.png", Path(inspect.getsourcefile(model(name)) or "")
        if not file.is_file() or file.stat().st_mtime < source.stat().st_mtime:
            picture(name, file)


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages before Sphinx looks for them."""
    app.connect("config-inited", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
