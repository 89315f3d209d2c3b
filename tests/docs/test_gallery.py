"""The gallery has a thumbnail of every picture that pages show, once, and it leads to the page."""

import re

from tests.helpers.pages import DOCS


def test_every_picture_has_a_thumbnail(extension):
    found = list(extension("gallery").pictures())
    images = [image for _, _, image, _ in found]
    assert len(images) == len(set(images)) > 15
    for title, page, image, seen in found:
        assert title
        assert seen
        assert "\n" not in seen
        assert (DOCS / "gallery" / f"{page}.md").resolve().is_file()
        assert (DOCS / "gallery" / image).resolve().is_file()
    shown = {name for section in ("tutorials", "concepts", "how-to", "start")
             for page in (DOCS / section).glob("*.md")
             for name in re.findall(r"\.\./images/([\w.-]+)\)", page.read_text(encoding="utf-8"))}
    # a picture that is only named in a sentence is none
    assert {image.rpartition("/")[2] for image in images} <= shown


def test_long_texts_are_cut_at_a_comma(extension):
    lines = extension("gallery").card("t", "a.png", "b", "one crossbar: " + "x, " * 60)
    assert ":img-alt: one crossbar: " in "\n".join(lines)
    assert "one crossbar" in lines
