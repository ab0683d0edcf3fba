"""Fills the tables, listings and numbers of docs/course/en.md and zh.md.

    python -m docs.course                       # writes what has changed
    python -m docs.course --check               # writes nothing; status 1 if stale
    python -m docs.course --stamp=electra       # the Chinese section is up to date

Run it from a checkout. The pictures are drawn by `python -m docs.drawing`.
"""

import difflib

from absl import flags

from docs.course import pages
from tf_pretrain import atomic_files, commands
from tf_pretrain.errors import UserError

FLAGS = flags.FlagValues()
_CHECK = flags.DEFINE_boolean(
    "check",
    False,
    "Compare the pages with what the code makes, and write nothing.",
    flag_values=FLAGS,
)
_ONLY = flags.DEFINE_list(
    "only",
    None,
    "Ids of the blocks to make, for example t3,t9; without it, all, and all numbers.",
    flag_values=FLAGS,
)
_STAMP = flags.DEFINE_list(
    "stamp",
    [],
    "Sections whose Chinese text was compared with the English one; all for all.",
    flag_values=FLAGS,
)


def _main():
    texts = pages.read()
    made = {lang: pages.filled(text, lang, _ONLY.value) for lang, text in texts.items()}
    if _STAMP.value:
        names = _STAMP.value
        if names == ["all"]:
            names = list(pages.digests(made["en"]))
        made["zh"] = pages.stamped(made["en"], made["zh"], names)
    if _CHECK.value:
        _check(texts, made)
        return
    for language, text in made.items():
        if text != texts[language]:
            with atomic_files.replacing(pages.path(language)) as temporary:
                temporary.write_text(text, encoding="utf-8")
            print(pages.path(language))


def _check(texts, made):
    """Raises UserError with a diff, or with the sections to be translated again."""
    for language, text in made.items():
        name = f"docs/course/{language}.md"
        lines = difflib.unified_diff(
            texts[language].splitlines(), text.splitlines(), name, "made now", n=1
        )
        diff = "\n".join(lines)
        if diff:
            raise UserError(
                f"{name} is not what the code makes; run python -m docs.course\n{diff}"
            )
    stale = pages.stale_sections(made["en"], made["zh"])
    if stale:
        raise UserError(
            f"the English text of these sections has changed: {', '.join(stale)}; "
            "compare the Chinese text and run python -m docs.course "
            f"--stamp={','.join(stale)}"
        )


def main(argv=None):
    """Runs the command; argv is without the program's name."""
    commands.run(_main, FLAGS, argv)


if __name__ == "__main__":
    main()
