"""The built pages fetch nothing from a network: the build fails where one would."""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

FETCHES = [
    # what a browser loads by itself: scripts, pictures, frames, style sheets, fonts, imports
    re.compile(r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc=[\"'](?:https?:)?//[^\"']+"),
    re.compile(
        r"<link\b(?=[^>]*\brel=[\"'](?:stylesheet|preload|icon|modulepreload)[\"'])[^>]*"
        r"\bhref=[\"'](?:https?:)?//[^\"']+"
    ),
    re.compile(r"@import\s+(?:url\()?[\"']?(?:https?:)?//[^\"')]+"),
    re.compile(r"url\(\s*[\"']?(?:https?:)?//[^\"')]+"),
]


def fetched(text: str) -> list[str]:
    """Return what a page or a style sheet loads from elsewhere."""
    return [found for pattern in FETCHES for found in pattern.findall(text)]


def check(app: Sphinx, exception: Exception | None) -> None:
    """Refuse a site that needs a network."""
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    wrong = [
        f"{file.relative_to(out)}: {one}"
        for file in sorted(out.rglob("*")) if file.suffix in {".html", ".css"}
        for one in fetched(file.read_text(encoding="utf-8"))
    ]
    if wrong:
        raise ExtensionError("The site would load these from a network:\n" + "\n".join(wrong))


def setup(app: Sphinx) -> dict[str, Any]:
    """Check after the build."""
    app.connect("build-finished", check)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
