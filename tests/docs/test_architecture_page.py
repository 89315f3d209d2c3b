"""The page on the architecture names files, folders and names that are there."""

import pkgutil
import re

import pytest

from tests.helpers import import_graph
from tests.helpers.import_graph import FOLDERS, ROOT

TEXT = (ROOT / "docs" / "development" / "architecture.md").read_text(encoding="utf-8")
PATHS = sorted({
    found.rstrip(".") for found in re.findall(r"(?<![\w./])(?:crossbarsim|netlists|solvers|tests|docs)/[\w./-]*", TEXT)
})
BLOCKS = re.findall(r"^```\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
QUOTED = sorted(set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", TEXT, flags=re.DOTALL | re.MULTILINE))))


def sources(path):
    """Return the text of a file, or of all files in a folder."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def rooms(block):
    """Yield (folders that may hold it, file or folder) of everything that a tree names."""
    top, entries = ROOT, []
    for line in filter(None, block.splitlines()):
        if not line.startswith(" "):
            top, entries = ROOT / line.strip(), []
            yield [ROOT], line.strip()
            continue
        named, text = "", line
        if not line.startswith("   "):
            named, _, text = line.strip().partition("  ")
            entries = [top / one for one in named.split()]
        yield from (([top], one) for one in named.split())
        yield from (([top, *entries], one) for one in re.findall(r"\w{2,}(?:/|\.py\b)", text))


def test_paths_are_there():
    assert len(PATHS) > 50
    assert [path for path in PATHS if not (ROOT / path).exists()] == []


def test_rooms_are_there():
    tree = next(block for block in BLOCKS if "netlists/\n" in block)
    named = list(rooms(tree))
    assert len(named) > 50
    assert [one for folders, one in named if not any((folder / one).exists() for folder in folders)] == []


def test_every_folder_of_the_layers_has_its_place():
    tree = next(block for block in BLOCKS if "netlists/\n" in block)
    named = {one.rstrip("/") for _, one in rooms(tree)}
    there = {
        path.parent.name for folder in FOLDERS.values() for path in (ROOT / folder).glob("*/__init__.py")
    }
    assert there - named - {"core"} == set()  # which stands in the picture of the layers


@pytest.mark.parametrize("name", [one for one in QUOTED if re.fullmatch(r"crossbarsim(\.\w+)+", one)])
def test_names_can_be_imported(name):
    pkgutil.resolve_name(name)


@pytest.mark.parametrize("name", [one for one in QUOTED if re.fullmatch(r"\w+", one)])
def test_names_are_used(name):
    everything = "\n".join(sources(ROOT / folder) for folder in FOLDERS.values())
    places = everything, *(sources(ROOT / one) for one in ("pyproject.toml", "tests/test_architecture.py"))
    assert any(re.search(rf"\b{name}\b", place) for place in places)


def test_the_ways_name_what_their_files_have():
    found = [
        (path, name) for block in BLOCKS for path, text in re.findall(r" {2,}(\w+/[\w/.]+) +(\S.*)$", block, re.MULTILINE)
        for name in re.findall(r"\b[A-Z][a-z]\w+\b|\b[a-z]+_\w+\b", text)
    ]
    assert len(found) > 20
    assert [(path, name) for path, name in found if not re.search(rf"\b{name}\b", sources(ROOT / path))] == []


def test_the_picture_can_be_drawn(capsys):
    assert f"python -m {import_graph.__name__} " in TEXT
    import_graph.main(["devices"])
    assert "devices.compact_models" in capsys.readouterr().out
    import_graph.main(["--dot"])
    assert capsys.readouterr().out.startswith("digraph")


def test_the_readme_leads_here():
    assert "(docs/development/architecture.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
