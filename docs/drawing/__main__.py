"""Draws the pictures of the course chapter as PNG files, in English and Chinese.

    python -m docs.drawing --electra=runs/electra_course --albert=runs/albert_course

Figures 5 and 8 need trained networks: workdirs of runs of an ELECTRA and an ALBERT.
Without, only the other pictures are drawn. Figures 2, 9, 11 and 12 show our results, as
far as docs/tables/finetuning.json, docs/tables/cells.json and docs/course/examples.json
(docs/drawing/classified.py) have them; --only=f02,f11 draws some of the pictures.
"""

from pathlib import Path

from absl import flags

from tf_pretrain import commands
from tf_pretrain.errors import UserError, nearest_name

FLAGS = flags.FlagValues()
_OUTPUT = flags.DEFINE_string(
    "output",
    "docs/course/images",
    "Folder of the PNG files; each language has a folder in it.",
    flag_values=FLAGS,
)
_ELECTRA = flags.DEFINE_string(
    "electra",
    None,
    "Trained ELECTRA whose example is drawn: a workdir.",
    flag_values=FLAGS,
)
_ALBERT = flags.DEFINE_string(
    "albert",
    None,
    "Trained ALBERT whose example is drawn: a workdir.",
    flag_values=FLAGS,
)
_ONLY = flags.DEFINE_list(
    "only", None, "Pictures to draw, for example f02,f11.", flag_values=FLAGS
)
_ELECTRA_TEXT = ["The old king sat in the garden and read a long letter from his son."]
_ALBERT_TEXT = ["The king read a long letter.", "Then he went to see his son."]


def _main():
    from docs.course import captions, words

    drawn = _pictures() | _results()
    for name in _ONLY.value or ():
        if name not in drawn:
            raise UserError(
                f"no picture {name!r}{nearest_name(name, drawn)}; there are "
                f"{', '.join(sorted(drawn))}"
            )
    for language in captions.LANGUAGES:
        folder = Path(_OUTPUT.value) / language
        folder.mkdir(parents=True, exist_ok=True)
        for name, draw in drawn.items():
            if _ONLY.value and name not in _ONLY.value:
                continue
            draw(words.of(language)).save(folder / f"{name}.png")
            print(folder / f"{name}.png", flush=True)


def _pictures():
    """{file name: a function of the words that returns a canvas}."""
    from docs.course.concept_tables import targets_of_a_batch
    from docs.drawing import architecture, flows, learning, overviews, sides
    from tf_pretrain.config.files import CONFIGS, load_config

    electra = load_config(f"{CONFIGS}/electra_small.py")
    albert = load_config(f"{CONFIGS}/albert.py:base_v1")
    printed = architecture.printed_totals()
    base = {
        "BERT-base": load_config(f"{CONFIGS}/bert_base.py"),
        "ELECTRA-base": load_config(f"{CONFIGS}/electra_base.py"),
        "ALBERT-base": albert,
    }
    damages = learning.damages(electra, albert)
    targets = {
        "masked": targets_of_a_batch(electra, "masks"),
        "ngrams": targets_of_a_batch(albert, "masks"),
        "replaced": targets_of_a_batch(electra, "tokens"),
        "swapped": targets_of_a_batch(albert, "example"),
    }
    found = {
        "f01": lambda w: learning.draw(damages, targets, w),
        "f03": lambda w: overviews.draw_electra(electra, w),
        "f06": lambda w: overviews.draw_albert(albert, w),
        "f10": lambda w: sides.draw(base, w),
        "f04": lambda w: architecture.draw_electra(electra, "ELECTRA-Small", w),
        "f07": lambda w: architecture.draw_albert(albert, "ALBERT-base", w, printed),
    }
    if _ELECTRA.value:
        electra_example = _example(_ELECTRA.value, _ELECTRA_TEXT)
        found["f05"] = lambda w: flows.draw_electra(*electra_example, w)
    if _ALBERT.value:
        albert_example = _example(_ALBERT.value, _ALBERT_TEXT)
        found["f08"] = lambda w: flows.draw_albert(*albert_example, w)
    return found


def _results():
    """The pictures of our results, as for `_pictures`."""
    from docs.drawing import applications, gains, performance

    found = {"f02": gains.draw, "f09": performance.draw}
    examples = applications.examples()
    if "trec" in examples:
        found["f11"] = lambda w: applications.draw_classification(examples["trec"], w)
    if "sst5" in examples:
        found["f12"] = lambda w: applications.draw_sentiment(examples["sst5"], w)
    return found


def _example(path, lines):
    from docs.drawing import example
    from tf_pretrain.interchange.loading import load_pretrainer, load_tokenizer

    network = load_pretrainer(path).network
    return example.make_telling(network, load_tokenizer(path), lines), network.config


if __name__ == "__main__":
    commands.run(_main, FLAGS)
