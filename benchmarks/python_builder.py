"""What the original ELECTRA builder does, with a Python tokenizer of today.

The original programs cannot be run beside this package (TensorFlow 1.15). Nearly all
of their time is WordPiece in Python, which transformers still has as
`BertTokenizerLegacy`; the loop around it is written here after Clark et al.'s
`build_pretraining_dataset.py`: a segment from lines, an example when it is full, one
tf.train.Example at a time.
"""

import concurrent.futures
import multiprocessing
import time

_LENGTH = 128
_TEXT_BYTES = 400_000  # a process and round


def electra_records(vocabulary, text, processes):
    """`run()`: MB/s of input text over all processes, which are warm.

    Args:
        vocabulary: vocab.txt.
        text: File; each process reads its beginning.
    """
    executor = concurrent.futures.ProcessPoolExecutor(
        processes, multiprocessing.get_context("spawn")
    )
    arguments = (vocabulary, text, _TEXT_BYTES)
    list(executor.map(_build, [(*arguments, 2000)] * processes))  # imports

    def run():
        began = time.perf_counter()
        sizes = list(executor.map(_build, [(*arguments, None)] * processes))
        return {"mb_per_s": sum(sizes) / 1e6 / (time.perf_counter() - began)}

    return run


def _build(arguments):
    import tensorflow as tf
    from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

    vocabulary, text, size, limit = arguments
    tokenizer = BertTokenizerLegacy(vocabulary, do_lower_case=True)
    size = limit or size
    with open(text, encoding="utf-8") as file:
        lines = file.read(size).splitlines()
    writer = tf.io.TFRecordWriter("/dev/null")
    pending, length = [], 0
    for line in lines:
        pieces = tokenizer.basic_tokenizer.tokenize(line)
        pieces = [
            part
            for word in pieces
            for part in tokenizer.wordpiece_tokenizer.tokenize(word)
        ]
        if pieces:
            pending.append(tokenizer.convert_tokens_to_ids(pieces))
            length += len(pieces)
        if length >= _LENGTH or (not line and pending):
            writer.write(_example(tf, tokenizer, pending))
            pending, length = [], 0
    writer.close()
    return sum(len(line.encode()) + 1 for line in lines)


def _example(tf, tokenizer, sentences):
    ids = [i for sentence in sentences for i in sentence]
    ids = [tokenizer.cls_token_id, *ids[: _LENGTH - 2], tokenizer.sep_token_id]
    padding = [0] * (_LENGTH - len(ids))
    rows = {
        "input_ids": ids + padding,
        "input_mask": [1] * len(ids) + padding,
        "segment_ids": [0] * _LENGTH,
    }
    features = {
        name: tf.train.Feature(int64_list=tf.train.Int64List(value=row))
        for name, row in rows.items()
    }
    return tf.train.Example(
        features=tf.train.Features(feature=features)
    ).SerializeToString()
