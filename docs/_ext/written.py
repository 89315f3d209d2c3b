"""Writing of pages that are made from the code."""

from pathlib import Path


def write_changed(file: Path, text: str) -> None:
    """Write a page if it is another one now: Sphinx takes what has not changed from its cache."""
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
