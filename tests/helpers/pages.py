"""The pages of the site and what stands in them: blocks, their marks, links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# those that the build of the site writes are no sources
PAGES = [ROOT / "README.md", *sorted(p for p in DOCS.rglob("*.md") if "drawn" not in p.parts)]
FENCE = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*?) -->\n)?(?P<fence>`{3,}|:{3,})(?P<language>\S*)[^\n]*\n(?P<text>.*?)^(?P=fence)[ \t]*$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line it begins on, the comment before it."""

    language: str
    text: str
    line: int
    mark: str


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def blocks(page, *languages):
    text = page.read_text(encoding="utf-8")
    found = [
        Block(m["language"], m["text"], text.count("\n", 0, m.start("text")) + 1, m["mark"] or "")
        for m in FENCE.finditer(text)
    ]
    return [block for block in found if block.language in languages] if languages else found


def prose(page):
    """Return a page's text without its blocks of code, lines kept."""
    return FENCE.sub(lambda m: "\n" * m[0].count("\n"), page.read_text(encoding="utf-8"))
