"""The links of pages lead somewhere: files and headings that are there; addresses are well formed."""

import re
from urllib.parse import urlsplit

import pytest

from tests.helpers.pages import PAGES, ROOT, name_of, prose

LINK = re.compile(r"(?<!`)\[(?:[^\]\[]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)")


def slug(heading):
    """Return the anchor that GitHub and MyST give a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)|`", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(page):
    text = prose(page)
    named = re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE)
    return {*map(slug, re.findall(r"^#+ +(.+)$", text, re.MULTILINE)), *named}


@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page)) for page in PAGES])
def test_links_lead_somewhere(page):
    wrong = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            parts = urlsplit(target)
            if parts.scheme == "mailto":
                continue
            if parts.scheme != "https" or "." not in parts.netloc or parts.netloc.startswith("localhost"):
                wrong.append(target)
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if file.suffix == ".html" or "reference/api" in file.as_posix():
            continue  # generated: Sphinx checks these
        if not file.is_file() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            wrong.append(target)
    assert wrong == []


def test_links_and_headings_are_read():
    assert LINK.findall("a [b](c.md#d), ![e](f.png) and [g `h`](<i j>)") == ["c.md#d", "f.png"]
    assert slug("What `x_1` is, and [why](there.md)") == "what-x_1-is-and-why"


def test_pictures_are_small():
    files = [p for p in (ROOT / "docs").rglob("*.png") if not {"drawn", "models"} & set(p.parts)]
    assert len(files) > 5
    assert {p.name: p.stat().st_size for p in files if p.stat().st_size >= 200_000} == {}
