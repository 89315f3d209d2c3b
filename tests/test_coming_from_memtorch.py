"""The table for users of MemTorch: every name on its right exists, its snippets and commands run."""

import importlib
import inspect
import re
import shlex
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from crossbarsim.cli.main import app

PAGE = Path(__file__).parents[1] / "docs" / "coming-from-memtorch.md"
TEXT = PAGE.read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split("|")]
    for line in TEXT.splitlines() if line.startswith("|") and not line.startswith("|---")
]
NAMES = sorted(set(re.findall(r"`(crossbarsim\.[\w.]+)(\([^`]*\))?`", TEXT)))


def resolve(dotted):
    parts = dotted.split(".")
    found = importlib.import_module(parts[0])
    for k, part in enumerate(parts[1:], start=2):
        # functions go before the modules of the same name
        found = getattr(found, part, None) or importlib.import_module(".".join(parts[:k]))
    return found


@pytest.mark.parametrize(("name", "arguments"), NAMES, ids=[a + b for a, b in NAMES])
def test_names_exist(name, arguments):
    found = resolve(name)
    if not arguments:
        return
    inner = arguments[1:-1]
    if name.endswith(".preset"):
        assert resolve(name.removesuffix(".preset")).preset(inner.strip('"')) is not None
        return
    known = set(inspect.signature(found).parameters)
    if inspect.isclass(found) and hasattr(found, "_declared"):
        known |= set(found._declared)
    for argument in inner.split(","):
        assert argument.partition("=")[0].strip() in known, f"{name} has no `{argument}`"


def test_every_row_says_where_to_go():
    assert len(ROWS) > 60
    for row in ROWS:
        if row[0] == "MemTorch":
            continue
        assert len(row) in (2, 3)
        assert "crossbarsim" in row[1] or row[1] in ("none", "none needed", "the model itself"), row


@pytest.mark.parametrize("name", [
    "VTEAM", "LinearIonDrift", "Stanford_PKU", "Data_Driven", "Data_Driven2021", "Jogelkar",
    "Biolek", "Prodromakis", "StochasticParameter", "FiniteConductanceStates", "DeviceFaults",
    "NonLinear", "Endurance", "Retention", "apply_cycle_variability", "SingleColumn",
    "DoubleColumn", "naive_program", "gen_programming_signal", "naive_map", "naive_scale",
    "naive_tune", "solve_passive", "simulate_matmul", "patch_model", "tune_", "forward_legacy",
    "module_parameters_to_patch", "programming_routine", "p_l", "max_input_voltage",
    "source_resistance", "line_resistance", "ADC_resolution", "ADC_overflow_rate", "quant_method",
    "use_bindings", "random_crossbar_init", "mn.Linear", "mn.Conv1d", "mn.Conv2d", "mn.Conv3d",
    "mn.RNN", "quantize", "gen_tiles", "tile_matmul", "tiled_inference", "set_conductance",
    "plot_hysteresis_loop", "plot_bipolar_switching_behaviour", "scale_p_0",
])
def test_every_feature_is_listed(name):
    assert any(name in row[0] for row in ROWS)


def test_snippets_run_in_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    snippets = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    assert len(snippets) == 5
    space = {}
    for number, snippet in enumerate(snippets):
        exec(compile(snippet, f"snippet {number}", "exec"), space)  # noqa: S102
    assert "Conv2d" in capsys.readouterr().out
    assert (tmp_path / "chip.pt").stat().st_size > 0


def test_commands_exist():
    commands = re.findall(r"`(crossbarsim study [^`]+)`", TEXT)
    assert len(commands) >= 4
    for command in commands:
        words = shlex.split(command)
        shown = CliRunner().invoke(app, [*words[1:3], "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0
        for option in words[3:]:
            if option.startswith("--"):
                assert option in shown.output
