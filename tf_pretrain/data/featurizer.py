"""Turns the parsed examples of a batch into features, in NumPy.

The masks, samples and dropout of batch s use numbers drawn from (seed, s) for the whole
global batch. Both pipelines, `batches.py` and `numpy_batches.py`, end here.

Letters: B rows of the global batch, N rows of this call, S sequence, P slots for masks.
"""

from collections.abc import Mapping

import numpy as np

from tf_pretrain.config import DataConfig
from tf_pretrain.data import masking, records

# separate the random numbers of training and evaluation
TRAINING_STREAM, EVALUATION_STREAM = 0, 1
FLOAT_FEATURES = ("masked_lm_weights", "sampling_uniform")


class Featurizer:
    """Parsed examples of one batch -> features, with the batch's random numbers.

    It has no state, so any thread may call it for any batch.
    """

    def __init__(
        self,
        data: DataConfig,
        tokenizer,
        stream: tuple[int, int],
        batch_size: int,
        allow_empty: bool = False,
    ):
        """
        Args:
            data, tokenizer: They determine the masks.
            stream: The seed, and TRAINING_STREAM or EVALUATION_STREAM.
            batch_size: Global batch size B.
            allow_empty: Whether a row may be all zeros.
        """
        self._data = data
        self._stream = stream
        self._batch_size = batch_size
        self._settings = masking.MaskingSettings.from_config(data, tokenizer)
        self._allow_empty = allow_empty
        self._vocab_size = tokenizer.vocab_size

    def shapes(self, rows: int) -> dict[str, tuple[int, ...]]:
        """{feature: shape} of a batch of N = `rows` rows."""
        length, slots = self._data.max_seq_length, self._data.num_predictions
        by_token = ("input_ids", "masked_input_ids", "input_mask", "segment_ids")
        by_slot = ("masked_lm_positions", "masked_lm_ids", *FLOAT_FEATURES)
        shapes = dict.fromkeys(by_token, (rows, length))
        shapes |= dict.fromkeys(by_slot, (rows, slots))
        if "next_sentence_labels" in records.feature_spec(self._data):
            shapes["next_sentence_labels"] = (rows, 1)
        return shapes | {"dropout_seed": (rows,)}

    def check(self, parsed: Mapping[str, np.ndarray]) -> None:
        """Raises ValueError if values are invalid; see `record_sets`."""
        faults = records.find_faults(parsed, self._data, self._vocab_size)
        if self._allow_empty:
            faults.pop(records.NO_TOKEN, None)
        if faults:
            raise ValueError(f"bad records: {'; '.join(faults)}")

    def __call__(
        self, step: int, parsed: Mapping[str, np.ndarray], first_row: int = 0
    ) -> dict[str, np.ndarray]:
        """Masks rows, or restores the text of rows that were masked when built.

        Args:
            step: Number of the batch.
            parsed: {name: [N, L]}, rows first_row to first_row + N - 1 of the batch,
                with values that `check` accepts.

        Returns:
            The features that `shapes` lists, int32 or float32.
        """
        parsed = {
            name: value if value.dtype == np.float32 else value.astype(np.int32)
            for name, value in parsed.items()
        }
        num_rows = len(parsed["input_ids"])
        batch_size, slots = self._batch_size, self._data.num_predictions
        rows = slice(first_row, first_row + num_rows)
        rng = np.random.default_rng([*self._stream, step])
        # Numbers are drawn for the whole batch, so that those of a row do not depend on
        # which worker computes it.
        noise = masking.draw_noise(rng, batch_size, self._data.max_seq_length, slots)
        sampling_uniform = rng.random((batch_size, slots), np.float32)
        dropout_seed = rng.integers(2**31 - 1, size=batch_size, dtype=np.int32)
        features = {
            "sampling_uniform": sampling_uniform[rows],
            "dropout_seed": dropout_seed[rows],
        }
        if self._data.masking == "static":
            masked = {
                "masked_input_ids": parsed["input_ids"],
                "input_ids": _restore(parsed),
            }
        else:
            masked = masking.mask_tokens(
                noise.rows(rows),
                parsed["input_ids"],
                parsed["input_mask"],
                self._settings,
            )
        features = {**parsed, **features, **masked}
        return {name: features[name] for name in self.shapes(num_rows)}


def _restore(parsed):
    """The text [B, S] before the masks of static records were put in."""
    input_ids = parsed["input_ids"].copy()
    row, slot = np.nonzero(parsed["masked_lm_weights"])
    position = parsed["masked_lm_positions"][row, slot]
    input_ids[row, position] = parsed["masked_lm_ids"][row, slot]
    return input_ids
