"""Equations as MathML, which browsers typeset themselves: no script, no fonts, no network."""

from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator


def _mathml(node: nodes.Element, *, block: bool) -> str:
    text = node.astext()
    if block and r"\\" in text and r"\begin" not in text:
        text = rf"\begin{{aligned}}{text}\end{{aligned}}"
    try:
        return tex2mathml(text, as_block=block)
    except MathError as error:
        message = f"{node.source}:{node.line}: {text!r} is no equation that MathML knows: {error}"
        raise ExtensionError(message) from error


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    """Write an equation in a line of text."""
    self.body.append(_mathml(node, block=False))
    raise nodes.SkipNode


def visit_display(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write an equation of its own, with its number where it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math-block"))
    if node.get("number"):
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})</span>')
    self.body.append(_mathml(node, block=True))
    self.body.append("</div>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer and choose it."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_display, None))
    app.config.html_math_renderer = "mathml"  # type: ignore[attr-defined]
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
