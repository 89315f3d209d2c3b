"""The gallery: the scripts of `examples/`, each with the picture that it draws, and thumbnails."""

import ast
import contextlib
import io
import os
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

EXAMPLES = Path(__file__).parents[2] / "examples"


def scripts() -> Iterator[tuple[Path, str, str]]:
    """Return (script, title, text) of every script that leaves a picture."""
    for script in sorted(EXAMPLES.glob("*.py")):
        source = script.read_text(encoding="utf-8")
        if "savefig" in source:
            title, _, text = (ast.get_docstring(ast.parse(source)) or script.stem).partition("\n")
            yield script, title.rstrip("."), text.strip()


def draw(script: Path, folder: Path) -> str:
    """Run a script in a folder; return what it prints."""
    before, printed = Path.cwd(), io.StringIO()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(printed):
            runpy.run_path(str(script), run_name="__main__")
    finally:
        os.chdir(before)
    return printed.getvalue()


def write(app: Sphinx, _config: Any = None) -> None:
    """Write the pages, and draw what is missing or older than its script."""
    folder = Path(app.srcdir) / "gallery" / "drawn"
    folder.mkdir(exist_ok=True)
    os.environ["MPLBACKEND"] = "Agg"
    cards = []
    for script, title, text in scripts():
        name, picture = script.stem, folder / f"{script.stem}.png"
        said = folder / f"{name}.txt"
        if not picture.is_file() or picture.stat().st_mtime < script.stat().st_mtime:
            said.write_text(draw(script, folder), encoding="utf-8")
        page = [f"# {title}", "", text, "", f"![{title}]({name}.png)", "", "It prints", "",
                f"```{{literalinclude}} {name}.txt\n:language: none\n```", "",
                f"```{{literalinclude}} ../../../examples/{script.name}\n:language: python\n```", ""]
        file, new = folder / f"{name}.md", "\n".join(page)
        if not file.is_file() or file.read_text(encoding="utf-8") != new:
            file.write_text(new, encoding="utf-8")
        cards += [f":::{{grid-item-card}} {title}", f":img-top: {name}.png", f":link: {name}",
                  ":link-type: doc", ":::", ""]
    names = [script.stem for script, *_ in scripts()]
    index = ["# Scripts to copy", "",
             "Short scripts and the pictures that they draw; `crossbarsim examples` copies them.", "",
             "::::{grid} 1 2 2 3", ":gutter: 3", "", *cards, "::::", "",
             "```{toctree}\n:hidden:\n", *names, "```", ""]
    file, new = folder / "index.md", "\n".join(index)
    if not file.is_file() or file.read_text(encoding="utf-8") != new:
        file.write_text(new, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Draw before Sphinx looks for pages."""
    app.connect("config-inited", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
