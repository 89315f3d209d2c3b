"""The page on studies: its snippets run one after the other."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "studies.md"


def test_snippets_run(capsys):
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(snippets) == 3
    names = {}
    for snippet in snippets:
        exec(snippet, names)  # noqa: S102 - our own page
    assert names["result"].axes == {"ohm": 3, "periphery.adc.bits": 2, "seed": 3}
    assert names["result"].counts["done"] == 18
    assert names["found"].dataset.currents.shape == (3, 2, 64)
    assert names["pruned"].counts["stopped"] > 0
    assert "stopped early" in capsys.readouterr().out


def test_every_name_of_a_metric_is_there():
    from crossbarsim.studies.network.metrics import METRICS, ON_CHIP, OWN

    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in (*METRICS, *ON_CHIP, *OWN))
