"""The pages of docs/validation, from the results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .unverified import UNVERIFIED

TITLES = {
    "devices": ("Devices", "Every compact model beside its publication, its authors' code or another "
                "implementation; noise and spread beside the distributions that they state."),
    "solvers": ("Solvers", "Currents beside SPICE, a sparse Cholesky factorisation and arithmetic of 60 "
                "digits over 12 decades; runs in time, and gradients."),
    "networks": ("Networks", "Whole arrays and networks beside other tools and printed accuracies."),
}
NOTE = "% Written by `make validation`: change benchmarks/validation instead."
KINDS = {
    "digitised figure": "points read from the vector graphics of a published figure",
    "printed values": "numbers printed in a paper, a manual or a log",
    "authors' code": "the authors' published equations in their own file, read by crossbarsim's "
    "Verilog-A reader and integrated by it",
    "another tool": "another program's result, kept with its version and the script that made it",
    "closed form": "a formula, written down once more",
    "exact arithmetic": "the same equations in decimals of 60 digits",
    "independent integrator": "SciPy's integrators on the same law",
    "finite differences": "difference quotients in decimals of 60 digits",
    "stated distribution": "the distribution or law that a source states",
}


def slug(text: str) -> str:
    """Return a name for a file."""
    return "".join(c if c.isalnum() else "_" for c in text.lower()).strip("_")


def subjects(records: list[dict[str, Any]]) -> list[str]:
    """Return the subjects in the order of the checks."""
    return list(dict.fromkeys(r["subject"] for r in records))


def picture(page: str, subject: str) -> str:
    """Return the name of a subject's picture, below docs/validation."""
    return f"images/{page}-{slug(subject)}.png"


def table_cell(text: str) -> str:
    """Return text that cannot end a cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def page(name: str, records: list[dict[str, Any]], pictures: set[str]) -> str:
    """Return a page: a table of all checks, then each subject with its picture and details."""
    title, intro = TITLES[name]
    passed = sum(r["passed"] for r in records)
    lines = [NOTE, "", f"# {title}", "", intro, "",
             f"{passed} of {len(records)} checks pass. Lines are crossbarsim's, circles the reference's.",
             "", "| subject | compared | with | error | allowed | |", "|---|---|---|---|---|---|"]
    for r in records:
        verdict = "pass" if r["passed"] else "**FAIL**"
        lines.append(f"| {table_cell(r['subject'])} | {table_cell(r['what'])} | {r['kind']} | "
                     f"{r['error']:.2g} | {r['allowed']:.2g} | {verdict} |")
    lines.append("")
    for subject in subjects(records):
        lines += [f"## {subject}", ""]
        file = picture(name, subject)
        if file in pictures:
            lines += [f"![{subject}: crossbarsim and the reference]({file})", ""]
        for r in (r for r in records if r["subject"] == subject):
            verdict = "pass" if r["passed"] else "FAIL"
            lines += [
                f"**{r['what'][0].upper()}{r['what'][1:]}**: {verdict}.", "",
                f"- Reference ({r['kind']}): {r['source']}",
                f"- Reference values: {r['reference']}", f"- Ours: {r['ours']}",
                f"- Error: {r['error']:.2g} ({r['measure']}); allowed {r['allowed']:.2g}: {r['reason']}",
                "",
            ]
    return "\n".join(lines).rstrip() + "\n"


def index(results: dict[str, list[dict[str, Any]]]) -> str:
    """Return the section's first page."""
    everything = [r for records in results.values() for r in records]
    lines = [
        NOTE, "", "# Validation", "", "Where the numbers were compared, with what, and how far apart they are.",
        "", f"`make validation` runs {len(everything)} checks in a few minutes, writes these pages, and fails "
        "where a check does. Reference data are in `benchmarks/validation/published`, each file with its "
        "source; scripts that ran other tools are in `benchmarks/validation/others`.", "",
        "| page | checks | pass |", "|---|---|---|",
        *(f"| [{TITLES[name][0]}]({name}.md) | {len(records)} | {sum(r['passed'] for r in records)} |"
          for name, records in results.items()),
        "", "| what a check compares with | | checks |", "|---|---|---|",
        *(f"| {kind} | {text} | {sum(r['kind'] == kind for r in everything)} |" for kind, text in KINDS.items()),
        "", "What could not be compared, and why: [not verified](not-verified.md).", "",
        "Besides, the tests run more than 300 SPICE decks beside ngspice's values "
        "(`tests/reference`).", "",
        "```{toctree}", ":maxdepth: 1", ":hidden:", "", *results, "not-verified", "```",
    ]
    return "\n".join(lines) + "\n"


def not_verified() -> str:
    """Return the list of what could not be verified."""
    lines = [NOTE, "", "# Not verified", "",
             "What could not be compared with a publication, or only in part, and what there is instead.", "",
             "| what | why not | instead |", "|---|---|---|",
             *(f"| {' | '.join(map(table_cell, row))} |" for row in UNVERIFIED)]
    return "\n".join(lines) + "\n"


def texts(results: dict[str, list[dict[str, Any]]], pictures: set[str]) -> dict[str, str]:
    """Return all pages by the names of their files."""
    return {
        "index.md": index(results), "not-verified.md": not_verified(),
        **{f"{name}.md": page(name, records, pictures) for name, records in results.items()},
    }


def drawn(folder: Path) -> set[str]:
    """Return the names of the pictures that there are."""
    return {f"images/{p.name}" for p in (folder / "images").glob("*.png")}
