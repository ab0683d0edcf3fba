"""What of the sentence labels of records can be told without reading the text.

    python -m benchmarks.sentence_cues --records='records/train-*.tfrecord'

Boosted trees (scikit-learn, hence requirements-dev.txt) guess each label from the
lengths of the two segments and from the ends of both: whether A and B end a sentence,
and whether they begin a word. Half of the examples to learn from, the others to score.
A score far above the share of the larger class says that the sentence objective can be
met by where segments were cut. Records need masks at training time (data.masking
"dynamic") and the tokenizer in their folder.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import app, flags
from sklearn.ensemble import HistGradientBoostingClassifier

from tf_pretrain.data import record_sets, tokenization

_RECORDS = flags.DEFINE_string("records", None, "Globs of files.", required=True)
_MAX_EXAMPLES = flags.DEFINE_integer("max_examples", 50_000, "To look at.")
_NAMES = ("input_ids", "input_mask", "segment_ids", "next_sentence_labels")


def main(argv):
    del argv
    files = record_sets.find_records(_RECORDS.value).files
    tokenizer = tokenization.load_tokenizer(Path(files[0]).parent)
    examples = read(files, _MAX_EXAMPLES.value)
    features, labels = cues(examples, tokenizer)
    half = len(labels) // 2
    model = HistGradientBoostingClassifier(random_state=0)
    model.fit(features[:half], labels[:half])
    accuracy = model.score(features[half:], labels[half:])
    share = labels[half:].mean()
    print(
        f"{len(labels)} examples: accuracy {accuracy:.3f} without reading; "
        f"the larger class {max(share, 1 - share):.3f}"
    )


def read(files, max_examples) -> dict[str, list]:
    """{feature: rows of integers} of the first examples of the files in turn."""
    found = {name: [] for name in _NAMES}
    dataset = tf.data.Dataset.from_tensor_slices(list(files)).interleave(
        tf.data.TFRecordDataset, cycle_length=len(files)
    )
    for serialized in dataset.take(max_examples).as_numpy_iterator():
        feature = tf.train.Example.FromString(serialized).features.feature
        for name in _NAMES:
            found[name].append(feature[name].int64_list.value)
    return found


def cues(examples, tokenizer):
    """What can be seen of N pairs without reading them, float [N, 6]; labels [N]."""
    ids, mask, segments, labels = (np.array(examples[name]) for name in _NAMES)
    is_pair = segments.any(axis=1)
    ids, mask, segments = ids[is_pair], mask[is_pair], segments[is_pair]
    ends_sentence = np.array(
        [
            tokenizer.id_to_piece(i).strip("▁#")[:1] in tuple(".?!")
            for i in range(len(tokenizer.is_word_start))
        ]
    )
    size_a = mask.sum(axis=1) - segments.sum(axis=1) - 2  # [CLS] A [SEP]
    size_b = segments.sum(axis=1) - 1  # B [SEP]
    rows = np.arange(len(ids))
    features = [
        size_a,
        size_b,
        ends_sentence[ids[rows, size_a]],
        ends_sentence[ids[rows, size_a + 1 + size_b]],
        tokenizer.is_word_start[ids[rows, 1]],
        tokenizer.is_word_start[ids[rows, size_a + 2]],
    ]
    return np.stack(features, axis=1).astype(float), labels[is_pair, 0]


if __name__ == "__main__":
    app.run(main)
