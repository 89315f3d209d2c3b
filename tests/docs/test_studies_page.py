"""The page on studies names every metric."""

from tests.helpers.pages import DOCS


def test_every_name_of_a_metric_is_there():
    from crossbarsim.studies.network.metrics import METRICS, ON_CHIP, OWN

    text = (DOCS / "how-to" / "studies.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in (*METRICS, *ON_CHIP, *OWN))
