"""Everything against numbers computed by the original TensorFlow 1 programs.

The checks are in `golden_checks`, one module a topic; they are parametrised over the
files they find. TF_PRETRAIN_GOLDEN names another set of the same layout, and
`--golden_report` prints how close each kind of value came.
"""

from golden_checks import (
    choices_and_tags,
    data_statistics,
    finetuning,
    masking,
    optimizers,
    pretraining,
    questions,
    span_heads,
    tokenization,
    train_step,
)
from golden_checks.files import GOLDEN

TOPICS = (
    pretraining,
    train_step,
    optimizers,
    masking,
    tokenization,
    data_statistics,
    finetuning,
    questions,
    span_heads,
    choices_and_tags,
)
NOT_NUMBERS = ("README.md", "vocab/*")

for topic in TOPICS:
    for name, check in vars(topic).items():
        if name.startswith("test_"):
            assert name not in globals(), f"two checks are called {name}"
            globals()[name] = check


def test_every_file_of_the_set_has_a_check():
    patterns = [*NOT_NUMBERS, *(pattern for topic in TOPICS for pattern in topic.FILES)]
    covered = {path for pattern in patterns for path in GOLDEN.glob(pattern)}
    files = {path for path in GOLDEN.rglob("*") if path.is_file()}
    assert files - covered == set()
    for topic in TOPICS:  # a check without files would check nothing
        for pattern in topic.FILES:
            assert any(GOLDEN.glob(pattern)), f"no file {pattern} in {GOLDEN}"
