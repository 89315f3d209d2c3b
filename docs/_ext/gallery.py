"""The gallery: thumbnails of every picture, each a link to the page with the code that draws it.

Pictures of the scripts of `examples/`, which are run here and get a page each; of the pages of this
site, found in their text; and of the models, which `models` draws.
"""

import ast
import contextlib
import io
import os
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crossbarsim.netlists.device_protocol import model, models
from sphinx.application import Sphinx
from written import write_changed

EXAMPLES = Path(__file__).parents[2] / "examples"
DOCS = Path(__file__).parents[1]
IMAGE = re.compile(r"!\[([^\]]*)\]\((?:\.\./)*(images/[\w.-]+)\)")
LONGEST = 90  # signs below a thumbnail
# sections whose pages have pictures, in the order in which they are shown
SECTIONS = ("tutorials", "concepts", "how-to", "start")


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


def pictures() -> Iterator[tuple[str, str, str, str]]:
    """Return (title of the page, page, picture, what is to be seen) of every picture of the pages."""
    seen = set()
    for section in SECTIONS:
        for page in sorted((DOCS / section).glob("*.md")):
            text = page.read_text(encoding="utf-8")
            title = re.search(r"^# (.+)$", text, re.MULTILINE)
            for alt, image in IMAGE.findall(text):
                if image not in seen:
                    seen.add(image)
                    name = title[1] if title else page.stem
                    yield name, f"../{section}/{page.stem}", f"../{image}", " ".join(alt.split())


def card(title: str, image: str, link: str, text: str = "") -> list[str]:
    """Return a thumbnail; of a long text it shows the beginning."""
    shown = re.split(r"[:;(]", text)[0].strip()
    while len(shown) > LONGEST and "," in shown:
        shown = shown.rpartition(",")[0]
    return [f":::{{grid-item-card}} {title}", f":img-top: {image}", f":img-alt: {text or title}",
            f":link: {link}", ":link-type: doc", "", *([shown, ""] if shown else []), ":::", ""]


def grid(cards: list[list[str]]) -> list[str]:
    """Return thumbnails side by side."""
    rows = [line for one in cards for line in one]
    return ["::::{grid} 1 2 2 3", ":gutter: 3", ":class-container: gallery", "", *rows, "::::", ""]


def write(app: Sphinx, _config: Any = None) -> None:
    """Write the pages, and draw what is missing or older than its script."""
    folder = Path(app.srcdir) / "gallery" / "drawn"
    folder.mkdir(exist_ok=True)
    os.environ["MPLBACKEND"] = "Agg"
    drawn = []
    for script, title, text in scripts():
        name, picture = script.stem, folder / f"{script.stem}.png"
        said = folder / f"{name}.txt"
        if not picture.is_file() or picture.stat().st_mtime < script.stat().st_mtime:
            said.write_text(draw(script, folder), encoding="utf-8")
        write_changed(folder / f"{name}.md", "\n".join([
            f"# {title}", "", text, "", f"![{title}]({name}.png)", "", "It prints", "",
            f"```{{literalinclude}} {name}.txt\n:language: none\n```", "",
            f"```{{literalinclude}} ../../../examples/{script.name}\n:language: python\n```", ""]))
        drawn.append(card(title, f"drawn/{name}.png", f"drawn/{name}"))
    shown = [card(title, image, page, text) for title, page, image, text in pictures()]
    loops = [card(model(name).__name__, f"../reference/models/{name}.png", f"../reference/models/{name}")
             for name in models()]
    write_changed(folder / "cards.txt", "\n".join([
        "## Scripts to copy", "",
        "Short scripts and the pictures that they draw; `crossbarsim examples` lists and copies them.", "",
        *grid(drawn),
        "## Pictures of the pages", "", "Each is on the page that says how it was made.", "", *grid(shown),
        "## Loops of the models", "", "Each model with its published parameters, at its own voltage.", "",
        *grid(loops)]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Draw before Sphinx looks for pages."""
    app.connect("config-inited", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
