"""Run the checks, write results, pages and pictures; the exit status is 1 where a check fails.

python -m benchmarks.validation               all
python -m benchmarks.validation devices       the checks of a page; the others keep their results
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from crossbarsim.core.files import write_text

from .checks import PAGES, Panel, all_checks, run_all
from .pages import drawn, picture, texts
from .pictures import draw

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parents[2] / "docs" / "validation"


def results() -> dict[str, list[dict[str, Any]]]:
    """Return what was found last, by page."""
    return {
        name: json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        for name in PAGES if (RESULTS / f"{name}.json").is_file()
    }


def run(page: str) -> list[dict[str, Any]]:
    """Run the checks of a page; write its results and its pictures."""
    records, panels = [], dict[str, list[Panel]]()
    for one, found, seconds in run_all(all_checks(page)):
        verdict = "pass" if found.passed else "FAIL"
        print(f"{verdict} {page}/{one.name}: {found.error:.2g} of {found.allowed:.2g}, "
              f"{seconds:.1f} s", flush=True)
        records.append({"subject": one.subject, "name": one.name, **found.record()})
        panels.setdefault(one.subject, []).extend(found.panels)
    write_text(RESULTS / f"{page}.json", json.dumps(records, indent=1, ensure_ascii=False) + "\n")
    for subject, found_panels in panels.items():
        if found_panels:
            draw(found_panels, DOCS / picture(page, subject))
    return records


def main(names: list[str]) -> int:
    """Run the pages named, or all; return the exit status."""
    wrong = [n for n in names if n not in PAGES]
    if wrong:
        print(f"no page {', '.join(wrong)}; there are {', '.join(PAGES)}")
        return 2
    for name in names or PAGES:
        run(name)
    everything = results()
    for file, text in texts(everything, drawn(DOCS)).items():
        write_text(DOCS / file, text)
    failed = [f"{page}/{r['name']}" for page, rs in everything.items() for r in rs if not r["passed"]]
    total = sum(map(len, everything.values()))
    print(f"{total - len(failed)} of {total} checks pass" + "".join(f"\nFAIL {n}" for n in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
