"""Prints every setting with its type, default and meaning, as Markdown.

python -m tf_pretrain.config > docs/settings.md
"""

from tf_pretrain.config import reference

if __name__ == "__main__":
    print(reference.markdown(), end="")
