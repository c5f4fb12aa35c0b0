"""The documentation site: `python -m sphinx -W --keep-going docs OUT`. Nothing is fetched from a network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import lit_gans

project = "lit_gans"
author = "The lit_gans authors"
copyright = author
release = version = lit_gans.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["notebooks"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"lit_gans {release}"
html_copy_source = False

napoleon_use_ivar = True
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
