"""The commands of the pages: those of the first pages run as written, the others exist with their options."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from crossbarsim.cli.main import app
from tests.helpers.pages import DOCS, PAGES, ROOT, blocks, name_of

FIRST = [
    ROOT / "README.md", *sorted((DOCS / "start").glob("*.md")),
    DOCS / "concepts" / "accuracy-against-ir-drop.md", DOCS / "concepts" / "everything-together.md",
]


def commands(pages):
    lines = [
        line for page in pages for block in blocks(page, "sh")
        for line in block.text.replace("\\\n", " ").splitlines()
    ]
    return [parts for line in lines if (parts := shlex.split(line, comments=True))]


def test_make_targets_exist_and_are_run():
    targets = {command[1] for command in commands(PAGES) if command[0] == "make"}
    assert {"study", "test"} <= targets
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    continuous = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
        assert re.search(rf"^make\b.* {target}\b", continuous, re.MULTILINE)


def write_tiny_data(folder):
    """Write stand-ins of the data sets under the names that the commands use."""
    rng = np.random.default_rng(0)
    mnist, cifar = folder / "data" / "mnist", folder / "data" / "cifar10"
    mnist.mkdir(parents=True)
    cifar.mkdir()
    for part in ("train", "t10k"):
        for kind, shape in (("images", (20, 28, 28)), ("labels", (20,))):
            header = bytes((0, 0, 8, len(shape)))
            header += b"".join(n.to_bytes(4, "big") for n in shape)
            values = rng.integers(0, 256 if kind == "images" else 10, shape, dtype=np.uint8)
            path = mnist / f"{part}-{kind}-idx{len(shape)}-ubyte"
            path.write_bytes(header + values.tobytes())
    for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"):
        records = rng.integers(0, 256, (4, 3073), dtype=np.uint8)
        records[:, 0] %= 10
        (cifar / f"{name}.bin").write_bytes(records.tobytes())


@pytest.mark.slow
def test_console_commands_run(tmp_path, monkeypatch):
    """Every command as written; the studies' points are counted instead of solved."""
    from crossbarsim.devices import VTEAM
    from crossbarsim.studies import CnnSettings, ir_drop, nonidealities

    monkeypatch.chdir(tmp_path)
    write_tiny_data(tmp_path)
    np.save("conductance.npy", np.full((4, 3), 1e-5))
    np.save("voltages.npy", np.full(4, 0.1))
    t = np.linspace(0.0, 2e-8, 200)
    v = np.sin(np.pi * 1e8 * t)
    np.savetxt(
        "loops.csv", np.transpose([t, v, VTEAM().simulate(t, v).current]), delimiter=",",
        header="time (s),voltage (V),current (A)", comments="",
    )
    Path("deck.cir").write_text("divider\nV1 in 0 1\nR1 in out 1k\nR2 out 0 1k\n.op\n.end\n")
    small = CnnSettings(channels=(2, 2), hidden=2, epochs=0)
    monkeypatch.setattr(CnnSettings, "for_data", lambda *_args, **_options: small)
    points = []

    def counted(_study, point, _network, parts, _digital):
        points.append(point)
        values = {"utilisation": 1.0, "seconds": 0.0}
        for part in parts:
            values |= {f"{part}_{what}": 0.5 for what in ("accuracy", "agreement", "output_error")}
        return values

    monkeypatch.setattr(ir_drop, "measure", counted)
    monkeypatch.setattr(nonidealities, "measure", lambda _study, _chip, bits, _network, parts, *_: [
        (b, {f"{part}_accuracy": 0.5 for part in parts} | {"seconds": 0.0}) for b in bits
    ])
    console = [command for command in commands(FIRST) if command[0] == "crossbarsim"]
    assert len(console) >= 15
    for command in console:
        result = CliRunner().invoke(app, command[1:])
        assert result.exit_code == 0, f"{' '.join(command)}\n{result.output}"
    studies = sum(command[1:3] == ["study", "ir-drop"] for command in console)
    assert len(points) == studies * len(list(ir_drop.IrDropStudy().points()))


def test_every_command_is_known():
    for command in commands(FIRST):
        assert command[0] in {"make", "crossbarsim"}, command


@pytest.mark.parametrize("page", [pytest.param(p, id=name_of(p)) for p in PAGES if blocks(p, "sh")])
def test_commands_have_their_options(page):
    for words in commands([page]):
        if words[0] != "crossbarsim":
            continue
        found, rest = typer.main.get_command(app), words[1:]
        while hasattr(found, "commands") and rest:
            if rest[0].startswith("-"):
                rest = rest[1:]
                continue
            assert rest[0] in found.commands, words
            found, rest = found.commands[rest[0]], rest[1:]
        known = {option for one in found.params for option in one.opts + one.secondary_opts} | {"--help"}
        unknown = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)} - known
        assert unknown == set(), f"{' '.join(words)}: there is no {unknown}"


def test_the_readme_is_one_screen():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 75
    (code,) = blocks(ROOT / "README.md", "python")
    assert len(code.text.splitlines()) <= 12
