"""How alike sentences are, by encoders that were not fine-tuned.

    python -m benchmarks.sentence_embeddings --encoders=FOLDER,WORKDIR --data_dir=glue

Each sentence of STS-B's dev set becomes the mean of its final states, and a pair's
score is the cosine of its two vectors. The table has Spearman's correlation of these
scores with people's. Hugging Face folders are read by transformers, too, and the last
column is the largest difference of a state on 100 sentences. It checks imported weights
without any training.

Needs requirements-dev.txt.
"""

import argparse
from pathlib import Path

import numpy as np

from tf_pretrain.training.metrics import METRICS

MAX_LENGTH = 128
_BATCH, _COMPARED = 100, 100
_SPEARMAN = METRICS["spearman"]


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sentence_embeddings")
    parser.add_argument("--encoders", required=True, help="as for load_encoder")
    parser.add_argument("--data_dir", required=True, help="GLUE's folders")
    options = parser.parse_args(arguments)
    split = _sentences(options.data_dir)
    print("| vectors | ours | transformers | largest difference of a state |")
    print("|---|---|---|---|")
    for encoder in options.encoders.split(","):
        print(_row(encoder.strip(), split))
    print(f"| TF-IDF | {_score(_tfidf(split), split)} | | |")


def _row(encoder, split):
    name = Path(encoder).name
    ours = OurEncoder(encoder)
    cells = [name, _score(ours.vectors(split.texts_a, split.texts_b), split)]
    if (Path(encoder) / "model.safetensors").exists():
        theirs = TransformersEncoder(encoder)
        texts = split.texts_a[:_COMPARED]
        difference = np.abs(ours.states(texts) - theirs.states(texts)).max()
        vectors = theirs.vectors(split.texts_a, split.texts_b)
        cells += [_score(vectors, split), f"{difference:.1e}"]
    else:
        cells += ["", ""]
    return "| " + " | ".join(cells) + " |"


def _score(vectors, split):
    """Spearman x 100 between the cosines of two arrays [N, D] and the labels."""
    norms = [np.linalg.norm(v, axis=1, keepdims=True) for v in vectors]
    # A text without a known word is all zeros, and like none.
    a, b = (v / np.maximum(n, 1e-12) for v, n in zip(vectors, norms, strict=True))
    return f"{100 * _SPEARMAN(split.labels, (a * b).sum(1)):.2f}"


def _sentences(data_dir):
    from tf_pretrain.tasks.columns import Columns
    from tf_pretrain.tasks.loading import load_task

    return load_task("STS-B", data_dir, Columns()).splits["dev"]


class _Encoder:
    def vectors(self, *columns):
        """An array [N, D] for each list of N texts: the means of their states."""
        return [
            np.concatenate(
                [
                    _mean(*self._call(texts[start : start + _BATCH]))
                    for start in range(0, len(texts), _BATCH)
                ]
            )
            for texts in columns
        ]

    def states(self, texts):
        """Final states [N, S, D], 0 at padding."""
        states, mask = self._call(texts)
        return states * mask[:, :, None]


class OurEncoder(_Encoder):
    """This program's encoder, with the graph that exported models have."""

    def __init__(self, path):
        from tf_pretrain.interchange.loading import load_encoder_and_tokenizer
        from tf_pretrain.serving.saved_model import EncoderModel

        encoder, tokenizer = load_encoder_and_tokenizer(path)
        length = min(MAX_LENGTH, encoder.config.max_position_embeddings)
        self._serve = EncoderModel(encoder, tokenizer, length).signature()

    def _call(self, texts):
        import tensorflow as tf

        outputs = self._serve(tf.constant(texts))
        return outputs["sequence_output"].numpy(), outputs["input_mask"].numpy()


class TransformersEncoder(_Encoder):
    """The peer's, on PyTorch."""

    def __init__(self, path):
        import transformers

        self._tokenizer = transformers.AutoTokenizer.from_pretrained(path)
        self._model = transformers.AutoModel.from_pretrained(path).eval()

    def _call(self, texts):
        import torch

        batch = self._tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=MAX_LENGTH,
            return_tensors="pt",
        )
        with torch.inference_mode():
            states = self._model(**batch).last_hidden_state
        return states.numpy(), batch["attention_mask"].numpy()


def _mean(states, mask):
    return (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)


def _tfidf(split):
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(sublinear_tf=True)
    vectorizer.fit(split.texts_a + split.texts_b)
    return [vectorizer.transform(t).toarray() for t in (split.texts_a, split.texts_b)]


if __name__ == "__main__":
    main()
