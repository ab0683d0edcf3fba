"""The documentation site: Sphinx with MyST-Parser and furo.

sphinx-build -W --keep-going docs build/docs
"""

import inspect
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
copyright = f"2026, {author}. Apache License 2.0"
release = version = tf_pretrain.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
myst_heading_anchors = 4  # links of the form PAGE.md#heading, as on GitHub
# The generated pages of docs/tables begin with a heading of the second level.
suppress_warnings = ["myst.header"]

default_role = "code"  # docstrings mark code with single backticks
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings give types and shapes
autodoc_inherit_docstrings = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"tf_pretrain {release}"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["tables.css"]


def _signature_of_init(app, what, name, obj, options, signature, annotation):
    """Keras replaces the signature of its subclasses by (*args, **kwargs)."""
    if what == "class" and "__init__" in vars(obj):
        parameters = inspect.signature(obj.__init__).parameters.values()
        plain = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
        return str(inspect.Signature(plain[1:])), annotation


def setup(app):
    app.connect("autodoc-process-signature", _signature_of_init)
