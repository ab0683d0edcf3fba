"""benchmarks.sentence_embeddings: vectors by both programs, and their correlation."""

import numpy as np
import pytest

from benchmarks.sentence_embeddings import main
from support.tiny_bert import save_tiny_bert
from tf_pretrain.training import metrics

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

WORDS = "a man is dancing plays guitar child riding horse fish swims fast".split()


@pytest.fixture
def encoder(tmp_path):
    """A tiny BERT of transformers, with its vocabulary."""
    folder = tmp_path / "tiny_bert"
    folder.mkdir()
    save_tiny_bert(folder, WORDS, initializer_range=0.3)
    return folder


@pytest.fixture
def pairs(tmp_path):
    """A folder of GLUE with STS-B of 12 pairs: [(sentence, sentence, score)]."""
    rng = np.random.default_rng(0)
    rows = [
        (" ".join(rng.choice(WORDS, 5)), " ".join(rng.choice(WORDS, 3)), i % 5)
        for i in range(12)
    ]
    lines = ["index\tgenre\tfile\tyear\told\ts1\ts2\tsentence1\tsentence2\tscore"]
    unread = "\t".join("x" * 7)
    lines += [f"{unread}\t{a}\t{b}\t{score}" for a, b, score in rows]
    folder = tmp_path / "glue/STS-B"
    folder.mkdir(parents=True)
    for name in ("train", "dev"):
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return rows


def test_both_programs_have_the_correlation_of_one_sentence_at_a_time(
    encoder, pairs, tmp_path, capsys
):
    main([f"--encoders={encoder}", f"--data_dir={tmp_path / 'glue'}"])
    row = capsys.readouterr().out.splitlines()[2]
    name, ours, theirs, difference = row.strip("| ").split(" | ")
    model = transformers.AutoModel.from_pretrained(encoder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(encoder)

    def vector(text):
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state
        mean = states[0].mean(0).numpy()
        return mean / np.linalg.norm(mean)

    cosines = np.array([vector(a) @ vector(b) for a, b, _ in pairs])
    expected = 100 * metrics.spearman(np.array([s for *_, s in pairs]), cosines)
    assert name == "tiny_bert"
    assert float(ours) == pytest.approx(expected, abs=0.01)
    assert float(theirs) == pytest.approx(expected, abs=0.01)
    assert float(difference) < 2e-5
