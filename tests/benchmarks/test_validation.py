"""The validation's results and pages belong to its checks; every model has one; some run here."""

import json
import math
from dataclasses import replace

import pytest
from crossbarsim.netlists.device_protocol import models

from benchmarks.validation.__main__ import DOCS, main, results
from benchmarks.validation.checks import KINDS, PAGES, Finding, all_checks
from benchmarks.validation.pages import drawn, texts
from benchmarks.validation.stored import FOLDER
from benchmarks.validation.unverified import UNVERIFIED

CHECKS = {(c.page, c.name): c for c in all_checks()}
QUICK = [("devices", "stanford_reset_pulse"), ("solvers", "wires_over_decades"), ("networks", "badcrossbar_qucs")]


def test_results_are_those_of_the_checks_and_all_pass():
    kept = {(page, r["name"]): r for page, records in results().items() for r in records}
    assert list(kept) == list(CHECKS)
    assert [k for k, r in kept.items() if not r["passed"] or not r["error"] <= r["allowed"]] == []
    for key, record in kept.items():
        assert record["subject"] == CHECKS[key].subject
        assert record["kind"] in KINDS
        assert all(record[word] for word in ("what", "source", "reference", "ours", "measure", "reason"))


def test_pages_are_written_from_the_results():
    for file, text in texts(results(), drawn(DOCS)).items():
        assert (DOCS / file).read_text(encoding="utf-8") == text, f"{file}: make validation"


def test_every_model_is_compared_or_told_not_to_be():
    subjects = {c.subject for c in CHECKS.values() if c.page == "devices"}
    assert [name for name in models() if name not in subjects] == []
    assert all(all(row) and len(row) == 3 for row in UNVERIFIED)


def test_reference_data_say_where_they_come_from():
    files = sorted(FOLDER.glob("*.json"))
    assert len(files) > 5
    for file in files:
        source = json.loads(file.read_text(encoding="utf-8"))["source"]
        assert {"paper", "tool"} & set(source), file.name
        if "script" in source:
            assert (FOLDER.parents[2] / source["script"]).is_file(), file.name


def test_a_finding_fails_beyond_its_allowance_and_without_a_number():
    found = Finding("x", "y", "closed form", "1", "2", 0.5, "difference", 1.0, "why")
    assert found.passed
    assert not replace(found, error=1.5).passed
    assert not replace(found, error=math.nan).passed


@pytest.mark.parametrize("key", QUICK, ids=lambda key: key[1])
def test_a_few_checks_here(key):
    found = CHECKS[key].run()
    assert found.passed, f"{found.error} of {found.allowed}: {found.ours}"
    kept = next(r for r in results()[key[0]] if r["name"] == key[1])
    assert (kept["what"], kept["source"], kept["allowed"]) == (found.what, found.source, found.allowed)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_all_checks(page):
    for one in all_checks(page):
        found = one.run()
        assert found.passed, f"{one.name}: {found.error} of {found.allowed}"


def test_unknown_pages_are_refused(capsys):
    assert main(["device"]) == 2
    assert "no page device" in capsys.readouterr().out
