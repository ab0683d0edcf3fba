"""The documentation site: Sphinx with MyST-Parser and furo.

    sphinx-build -W --keep-going docs build/docs
"""

import os
import sys
from pathlib import Path

# The API reference imports the package; TensorFlow's notices would bury warnings.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tf_pretrain

project = "tf_pretrain"
author = "the tf_pretrain authors"
release = version = tf_pretrain.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
myst_heading_anchors = 4  # links of the form PAGE.md#heading, as on GitHub

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings give types and shapes
autodoc_inherit_docstrings = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"tf_pretrain {release}"
html_copy_source = False
