"""TFRecord files of examples, with the feature names of the released code.

As in the released code, all features are int64 lists padded to `max_seq_length`, except
the float list `masked_lm_weights`. So records made by the released programs can be read
here.
"""

import functools

import numpy as np

from tf_pretrain import atomic_files
from tf_pretrain.config import DataConfig
from tf_pretrain.data import example_parsing, tfrecord
from tf_pretrain.data.example_parsing import FeatureSpec

# an error, except in the empty rows of a last batch
NO_TOKEN = "input_mask without a token"


def feature_spec(data: DataConfig) -> dict[str, FeatureSpec]:
    """The features of a record with these settings: {name: (length, int64 or float32)}.

    If masks are drawn when records are built, `input_ids` contain the masks and
    `masked_lm_*` the original tokens. `token_boundary` is 1 where a word starts. The
    label of every sentence task is called `next_sentence_labels`.
    """

    def integers(length):
        return FeatureSpec(length, np.int64)

    length, slots = data.max_seq_length, data.num_predictions
    spec = {
        name: integers(length) for name in ("input_ids", "input_mask", "segment_ids")
    }
    if data.example_format != "electra":
        spec["token_boundary"] = integers(length)
        spec["next_sentence_labels"] = integers(1)
    if data.masking == "static":
        spec["masked_lm_positions"] = integers(slots)
        spec["masked_lm_ids"] = integers(slots)
        spec["masked_lm_weights"] = FeatureSpec(slots, np.float32)
    return spec


def encode_examples(features: dict[str, np.ndarray]) -> list[bytes]:
    """Serialises N examples as `tf.train.Example`, one feature at a time.

    The bytes are those of the protobuf library with deterministic serialisation. That
    library encodes one example at a time and takes several times as long.

    Args:
        features: {name: [N, L]}; non-negative integers below 2^21 or float32.
    """
    num_examples = len(next(iter(features.values())))
    parts = [[] for _ in range(num_examples)]
    for name in sorted(features):
        array = features[name]
        if np.issubdtype(array.dtype, np.floating):
            rows = _float_rows(array)
            list_field = 2  # Feature.float_list
        else:
            rows = _varint_rows(array)
            list_field = 3  # Feature.int64_list
        for part, row in zip(parts, rows, strict=True):
            part += _feature_header(name, list_field, len(row)), row
    return [_field(1, b"".join(part)) for part in parts]


# the rows of a feature have only a few different sizes
@functools.lru_cache(maxsize=1 << 16)
def _feature_header(name, list_field, size):
    """The bytes before the `size` bytes of values of one feature."""
    feature = _field(list_field, _field(1, bytes(size)))
    entry = _field(1, _field(1, name.encode()) + _field(2, feature))
    return entry[: len(entry) - size]


def _field(number, payload):
    """A length-delimited protobuf field."""
    header = bytearray((number << 3 | 2,))
    size = len(payload)
    while size > 127:
        header.append(size & 127 | 128)
        size >>= 7
    header.append(size)
    return bytes(header) + payload


def _float_rows(values):
    """Rows [N, L] of floats as packed little-endian float32."""
    stream = np.ascontiguousarray(values, "<f4").tobytes()
    width = 4 * values.shape[1]
    return [stream[i * width : (i + 1) * width] for i in range(len(values))]


def _varint_rows(values):
    """Rows [N, L] of integers as packed varints: 7 bits a byte, low bits first.

    Raises:
        ValueError: If a value is negative or needs more than three bytes.
    """
    if values.size and not 0 <= values.min() <= values.max() < 1 << 21:
        raise ValueError(
            f"cannot encode integers from {values.min()} to {values.max()}; expected "
            f"0 to {(1 << 21) - 1}"
        )
    encoded = np.empty((*values.shape, 3), np.uint8)
    encoded[..., 0] = values & 127 | (values > 127) << 7
    encoded[..., 1] = values >> 7 & 127 | (values >= 1 << 14) << 7
    encoded[..., 2] = values >> 14
    is_needed = np.ones(encoded.shape, bool)
    is_needed[..., 1] = values > 127
    is_needed[..., 2] = values >= 1 << 14
    stream = encoded[is_needed].tobytes()
    ends = np.cumsum(is_needed.sum((1, 2))).tolist()
    return [stream[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def decode_examples(
    serialized: list[bytes], data: DataConfig, vocab_size: int
) -> tuple[dict[str, np.ndarray], list[str | None]]:
    """Parses N examples and checks their values.

    Returns:
        features: {name: [N, L]} as `feature_spec` lists them, of an integer type or
            float32.
        reasons: For each example, why it cannot be used, or None.
    """
    spec = feature_spec(data)
    features, unreadable = example_parsing.parse_examples(serialized, spec)
    reasons = np.full(len(serialized), None, object)
    for reason, rows in find_faults(features, data, vocab_size).items():
        reasons[rows] = reason
    for row, reason in unreadable.items():
        reasons[row] = reason
    return features, reasons.tolist()


def find_faults(
    features: dict[str, np.ndarray], data: DataConfig, vocab_size: int
) -> dict[str, np.ndarray]:
    """Finds what is wrong with parsed examples, before anything uses the values.

    Args:
        features: {name: [N, L]} as `feature_spec` lists them, of an integer type or
            float32.
        vocab_size: Number of pieces of the tokenizer.

    Returns:
        {reason: bool [N]}, with those reasons only that hold for at least one row.
    """
    ids, mask = features["input_ids"], features["input_mask"]
    is_padding = mask == 0
    faults = {
        f"input_ids outside of 0 to {vocab_size - 1}": _outside(ids, vocab_size),
        "input_mask is not ones, then zeros": _outside(mask, 2)
        | (mask[:, 1:] > mask[:, :-1]).any(1),
        NO_TOKEN: is_padding[:, 0],
        "input_ids go on where input_mask ends": (ids * is_padding).any(1),
        "segment_ids other than 0 and 1": _outside(features["segment_ids"], 2),
    }
    if "next_sentence_labels" in features:
        labels = features["next_sentence_labels"]
        faults["next_sentence_labels other than 0 and 1"] = _outside(labels, 2)
    if data.masking == "static":
        positions = features["masked_lm_positions"]
        weights = features["masked_lm_weights"]
        length = data.max_seq_length
        place = np.clip(positions.astype(np.int64), 0, length - 1)
        masked = np.take_along_axis(mask, place, 1)
        faults |= {
            f"masked_lm_positions outside of 0 to {length - 1}": _outside(
                positions, length
            ),
            f"masked_lm_ids outside of 0 to {vocab_size - 1}": _outside(
                features["masked_lm_ids"], vocab_size
            ),
            # The condition is negated, so that nan is also a fault.
            "masked_lm_weights outside of [0, 1]": ~(
                (weights >= 0) & (weights <= 1)
            ).all(1),
            "masked_lm_positions in the padding": ((weights != 0) & (masked == 0)).any(
                1
            ),
        }
    return {reason: rows for reason, rows in faults.items() if rows.any()}


def _outside(values, limit):
    """Rows of integers [N, L] with a value outside of 0 to limit - 1."""
    # As unsigned integers, negative ones are the largest, so one comparison checks both
    # limits.
    unsigned = values.view(f"u{values.itemsize}")
    return (unsigned >= limit).any(1)


def write_shard(path, serialized: list[bytes]) -> None:
    """Writes a TFRecord file completely or not at all.

    Raises:
        OSError: If it cannot be written, for example on a full disk. No file is left.
    """
    try:
        with atomic_files.replacing(path, is_shared=True) as temporary:
            tfrecord.write_records(temporary, serialized)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(error.errno, f"cannot write {path}: {reason}") from error
