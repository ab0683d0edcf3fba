import json

import pytest

from tf_pretrain.runs import curves


@pytest.mark.draws
def test_reads_both_kinds_of_lines_and_draws(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [
        {"step": 0, "eval": {"masked_lm_accuracy": 0.0, "most_frequent_accuracy": 0.1}},
        {"step": 1, "loss": 2.0, "learning_rate": 0.1},
        {"step": 2, "loss": 1.0, "learning_rate": 0.2},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    training, heldout = curves.read_metrics(path)
    assert training == {
        "loss": [(1, 2.0), (2, 1.0)],
        "learning_rate": [(1, 0.1), (2, 0.2)],
    }
    assert heldout == {
        "masked_lm_accuracy": [(0, 0.0)],
        "most_frequent_accuracy": [(0, 0.1)],
    }
    curves.plot(path, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
