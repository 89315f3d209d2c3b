"""Every page's Python runs, block after block, and leaves what it speaks of.

A comment in the line before a block says what it needs: ``<!-- needs the compiler -->``,
``<!-- needs ngspice -->``, or ``<!-- not run: why -->``. ``<!-- slow page -->`` anywhere in a page
runs it with the slow tests.
"""

import linecache
import shutil
import sys
import types

import pytest
from crossbarsim.netlists import device_protocol

from tests.helpers.osdi import have_compiler
from tests.helpers.pages import PAGES, ROOT, blocks, name_of

NEEDS = {
    "needs the compiler": have_compiler,
    "needs ngspice": lambda: shutil.which("ngspice") is not None,
}
WITH_CODE = [
    pytest.param(
        page, id=name_of(page),
        marks=[pytest.mark.slow] if "<!-- slow page -->" in page.read_text(encoding="utf-8") else [],
    )
    for page in PAGES if blocks(page, "python")
]


class Recorder:
    """Stands for a module or a run: keeps what is called."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*arguments, **options):
            self.calls.append((name, arguments, options))
            return self

        return call

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


@pytest.fixture
def foreign(monkeypatch):
    """Services that no test talks to, as modules that record."""
    fakes = {}
    for name in ("mlflow", "wandb"):
        fakes[name] = Recorder()
        module = types.ModuleType(name)
        module.__getattr__ = fakes[name].__getattr__
        monkeypatch.setitem(sys.modules, name, module)
    return fakes


@pytest.fixture
def clean(tmp_path, monkeypatch):
    """A folder of its own, no display, first draws alike; models that pages register are gone after them."""
    monkeypatch.chdir(tmp_path)
    plt, torch = pytest.importorskip("matplotlib.pyplot"), pytest.importorskip("torch")
    plt.switch_backend("Agg")
    torch.manual_seed(0)
    device_protocol.models()  # the package registers its own
    before = dict(device_protocol._registered)
    yield
    device_protocol._registered.clear()
    device_protocol._registered.update(before)
    plt.close("all")


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("page", WITH_CODE)
def test_python_runs(page, tmp_path, capsys, foreign):
    space = {"__name__": "__main__"}
    for block in blocks(page, "python"):
        if block.mark.startswith("not run:") or not NEEDS.get(block.mark, lambda: True)():
            continue
        # as if in a file, with the page's lines: a device's laws are read from their source
        name = f"{name_of(page)}:{block.line}"
        source = "\n" * (block.line - 1) + block.text
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), space)  # noqa: S102 - our own page
    AFTER.get(name_of(page), lambda *_: None)(space, tmp_path, capsys.readouterr().out, foreign)


def test_marks_are_known():
    marks = {block.mark for page in PAGES for block in blocks(page, "python")} - {"", *NEEDS}
    assert {mark for mark in marks if not mark.startswith("not run: ") and mark != "slow page"} == set()


# -- what pages leave --------------------------------------------------------------------------


def after_own_devices(space, folder, printed, _foreign):
    assert "r_off" in printed
    assert (folder / "mine.toml").stat().st_size > 0
    if have_compiler():
        assert 0.0 < space["result"]["v(out)"] < 1.2


def after_studies(space, _folder, printed, _foreign):
    assert space["result"].axes == {"ohm": 3, "periphery.adc.bits": 2, "seed": 3}
    assert space["result"].counts["done"] == 18
    assert space["found"].dataset.currents.shape == (3, 2, 64)
    assert space["pruned"].counts["stopped"] > 0
    assert "stopped early" in printed


def after_memtorch(_space, folder, printed, _foreign):
    assert "Conv2d" in printed
    assert (folder / "chip.pt").stat().st_size > 0


def after_results(space, folder, printed, foreign):
    for name in ("tile.html", "program.html", "loop.html", "loop.png"):
        assert 1000 < (folder / name).stat().st_size < 1_000_000
    assert "('row', 'column') A" in printed
    (metrics,) = [a[0] for n, a, _ in foreign["mlflow"].calls if n == "log_metrics"]
    assert metrics["writes"] == space["result"].writes
    assert [a for n, a, _ in foreign["mlflow"].calls if n == "log_artifact"] == [("program.html",)]
    assert any(n == "Html" for n, _, _ in foreign["wandb"].calls)


AFTER = {
    "docs/how-to/own-devices.md": after_own_devices,
    "docs/how-to/studies.md": after_studies,
    "docs/how-to/results.md": after_results,
    "docs/comparisons/coming-from-memtorch.md": after_memtorch,
}


def test_pages_with_results_are_there():
    assert set(AFTER) <= {name_of(page) for page in PAGES}
    assert (ROOT / "docs" / "conf.py").is_file()
