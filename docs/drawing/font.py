"""Makes the font for Chinese text in pictures: a part of Noto Sans SC.

    pip install pylopdf-fonts-zh-cn==0.1.1     # has Noto Sans SC 2.004 (OFL 1.1)
    python -m docs.drawing.font

The part has the 3,755 commonest characters (the first level of GB 2312), ASCII, the
punctuation of Chinese text, and every character that the course chapter uses. The
packages' plots and the chapter's pictures use it (`tf_pretrain.plotting`).
"""

import importlib.util
from pathlib import Path

from absl import flags

from tf_pretrain import commands, plotting
from tf_pretrain.errors import UserError

FLAGS = flags.FlagValues()
_INPUT = flags.DEFINE_string(
    "input",
    None,
    "NotoSansSC-Regular.otf; without it, the file of the installed package "
    "pylopdf-fonts-zh-cn.",
    flag_values=FLAGS,
)
_OUTPUT = flags.DEFINE_string(
    "output", str(plotting.CHINESE_FONT), "The file to write.", flag_values=FLAGS
)
_COURSE = Path(__file__).parents[1] / "course"


def characters() -> set[str]:
    """What the font must have."""
    level_one = bytes(
        byte for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF)
        for byte in (row, cell)
    ).decode("gb2312", errors="ignore")  # fmt: skip
    found = {chr(code) for code in range(0x20, 0x7F)}
    found |= set(level_one) | set("‘’“”—…·×±≤≥→")
    found |= {chr(code) for code in (*range(0x3000, 0x3020), *range(0xFF01, 0xFF5F))}
    sources = [*_COURSE.glob("*.py"), _COURSE / "zh.md"]
    used = "".join(path.read_text(encoding="utf-8") for path in sources)
    return found | {c for c in used if "\u4e00" <= c <= "\u9fff"}


def make(source, path) -> None:
    """Writes the part of a font, under a name of its own."""
    from fontTools import subset

    options = subset.Options(
        hinting=False, layout_features=[], name_IDs=["*"], notdef_outline=True,
        drop_tables=["DSIG", "BASE", "GDEF", "GPOS", "GSUB", "VORG", "vhea", "vmtx"],
    )  # fmt: skip
    # The file's own times are kept, so that the same characters give the same bytes.
    font = subset.load_font(source, options)
    font.recalcTimestamp = False
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=sorted(map(ord, characters())))
    subsetter.subset(font)
    # The whole font may be installed, too; plots must not take that one by its name.
    names = font["name"]
    for record in list(names.names):
        if record.langID != 0x409:
            names.removeNames(platformID=record.platformID, langID=record.langID)
    for name_id in (1, 4):
        names.setName(plotting.CHINESE_FAMILY, name_id, 3, 1, 0x409)
    subset.save_font(font, str(path), options)


def _main():
    source = _INPUT.value
    if source is None:
        package = importlib.util.find_spec("pylopdf_fonts_zh_cn")
        if package is None:
            raise UserError(
                "the package pylopdf-fonts-zh-cn is not installed; install it, or give "
                "--input=NotoSansSC-Regular.otf"
            )
        source = Path(package.origin).with_name("NotoSansSC-Regular.otf")
    make(source, _OUTPUT.value)
    print(f"{_OUTPUT.value}: {Path(_OUTPUT.value).stat().st_size:,} bytes")


if __name__ == "__main__":
    commands.run(_main, FLAGS)
