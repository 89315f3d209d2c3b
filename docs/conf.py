"""How Sphinx builds the site; docs/development/documentation.md says why it is so."""

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = PROJECT["name"]
author = copyright = "The crossbarsim developers"  # noqa: A001 - Sphinx's name
version = release = PROJECT["version"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_design",
    "sphinx_copybutton",
    "api",
    "models",
    "languages",
    "gallery",
    "mathml",
    "offline",
]
exclude_patterns = ["_build", "_ext", "_static"]
root_doc = "index"
language = "en"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "amsmath", "attrs_inline"]
myst_heading_anchors = 4

autosummary_generate = False  # the extension `api` writes the pages
numpydoc_show_class_members = False
add_module_names = False
default_role = "py:obj"  # docstrings have `names` in single backticks
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True

html_theme = "pydata_sphinx_theme"
html_title = "crossbarsim"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "crossbarsim"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "pygments_light_style": "default",
    "pygments_dark_style": "github-dark",
    "footer_start": ["copyright"],
    "footer_end": [],
}
# the list of all names beside each of them would be most of the site
html_sidebars = {"index": [], "reference/api/names/*": []}
