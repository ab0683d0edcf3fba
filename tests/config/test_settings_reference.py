"""docs/settings.md against the declarations of the fields."""

from support.paths import ROOT
from tf_pretrain.config import reference


def test_the_page_is_current():
    """Write it anew with `python -m tf_pretrain.config > docs/settings.md`."""
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == reference.markdown()


def test_rows_say_what_is_declared():
    page = reference.markdown()
    for row in (
        "| `seed` | int | `0` | 0 to 2**32 - 1 |",
        "| `model.hidden_act` | str | `gelu` | `gelu`, `gelu_tanh`, `relu` | "
        '"gelu" is exact (ELECTRA), "gelu_tanh" is ALBERT\'s approximation. |',
        "| `data.shuffle_buffer` | int | `16384` | 1 or more | Examples that are "
        "shuffled together. |",
        "| `train.batch_size` | int | `128` | 1 or more | Examples of one update",
        "| `finetune.batch_size` | int | `32` | 1 or more | Examples of one update",
        "| `finetune.warmup_steps` | int | `0` | 0 or more | Taken if this is more "
        "than warmup_fraction gives. |",
    ):
        assert row in page
