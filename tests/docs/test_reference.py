"""The reference has every public name, model and command."""

import importlib
import pkgutil
import re

import pytest
import typer
from crossbarsim.netlists.device_protocol import models

import crossbarsim
from crossbarsim.cli.main import app
from tests.arguments.api import DOORS as CHECKED
from tests.helpers.pages import PAGES, blocks, name_of


def test_every_public_name_has_its_page(extension):
    api = extension("api")
    pages = dict(api.pages())
    assert len({page.lower() for page in pages}) == len(pages)  # files of every system
    for door in {*CHECKED, *api.DOORS}:
        assert f"{door}.rst" in pages, f"{door} is public: add it to DOORS of docs/_ext/api.py"
        for name in importlib.import_module(door).__all__:
            at, known_as = api.public_names()[f"{door}.{name}"]
            assert f":: {known_as}\n" in pages[f"names/{api.file_of(at, known_as)}.rst"]
            assert re.search(rf"\b{known_as}\b", pages[f"{door}.rst"])


def test_every_package_with_names_is_a_door(extension):
    found = {
        one.name for one in pkgutil.walk_packages(crossbarsim.__path__, "crossbarsim.")
        if one.ispkg and one.name.count(".") == 1 and getattr(importlib.import_module(one.name), "__all__", None)
    }
    assert found - set(extension("api").DOORS) == set()


def test_pages_import_what_is_described(extension):
    # the first is described with `crossbarsim.solvers`; the second has `Place`, an argument of `vary`
    doors = set(extension("api").DOORS) | {"crossbarsim.solvers.objectives", "crossbarsim.core.draws"}
    # what layers and effects of one's own build on: the two pages say what it does
    doors |= {f"crossbarsim.{name}" for name in ("core.array_api", "core.settings", "nn.layers.base", "testing.layers")}
    found = {
        (name_of(page), module) for page in PAGES for block in blocks(page, "python")
        for module in re.findall(r"^\s*from (crossbarsim[\w.]*) import", block.text, re.MULTILINE)
    }
    assert {(page, module) for page, module in found if module not in doors} == set()


def test_every_model_has_equations_parameters_and_sources(extension):
    pages = extension("models")
    assert set(pages.EQUATIONS) == set(models()) | (set(pages.EQUATIONS) - set(models()))
    assert set(models()) - set(pages.EQUATIONS) == set(), "add them to docs/_ext/equations.toml"
    text = pages.page("vteam")
    for part in ("Kvatinsky", ".. math::", "``alpha_off``", "m/s", "``magic``", "TCAS-II 61:895"):
        assert part in text
    mathml = pytest.importorskip("docutils.utils.math.latex2mathml")
    for equations in pages.EQUATIONS.values():
        for equation in equations:
            assert "<mi>" in mathml.tex2mathml(equation, as_block=True)


def test_the_language_is_read_from_its_tables(extension):
    from crossbarsim.netlists.spice.commands.command_names import CHANGING, EFFECTIVE, REFUSED

    text = extension("languages").spice()
    assert all(f"``{word}``" in text for word in (*CHANGING, *EFFECTIVE, *REFUSED))


def test_every_command_and_option_is_there(extension):
    text = extension("languages").cli()

    def every(group, words):
        for name, one in group.commands.items():
            if hasattr(one, "commands"):
                yield from every(one, [*words, name])
            else:
                yield " ".join([*words, name]), one

    found = list(every(typer.main.get_command(app), ["crossbarsim"]))
    assert len(found) > 10
    for words, command in found:
        assert f"\n{words}\n---" in text
        for parameter in command.params:
            assert parameter.hidden or all(f"``{o}``" in text for o in parameter.opts if o.startswith("-"))


def test_every_error_is_there(extension):
    text = extension("languages").errors()
    assert text.count("* - :py:obj:") == sum(
        isinstance(one, type) and issubclass(one, Exception)
        for one in (getattr(crossbarsim, name) for name in crossbarsim.__all__)
    )


def test_what_a_page_would_fetch_is_found(extension):
    fetched = extension("offline").fetched
    assert fetched('<a href="https://a.b/c"><img src="_static/x.png"><link rel="canonical" href="https://a.b">') == []
    for text in (
        '<script async src="https://cdn.a.b/x.js">', "<img alt='' src='//a.b/x.png'>", "@import url(https://a.b/f.css)",
        '<link rel="stylesheet" href="https://a.b/x.css">', "@font-face { src: url('https://a.b/f.woff2') }",
    ):
        assert len(fetched(text)) >= 1, text
