"""What all exported models share: a graph from strings to answers."""

import keras
import tensorflow as tf

from tf_pretrain import atomic_files

PART_ROWS = 32  # inputs that the network gets at once


class StringModel(tf.Module):
    """A network with its tokenizer in one graph.

    Args:
        network: The network.
        inputs: {name of an input: its shape}.
    """

    def __init__(self, network, inputs):
        super().__init__(name="string_model")
        self._network = network
        self._shapes = dict(inputs)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return tuple(self._shapes)

    def signature(self):
        """The concrete function: one string tensor for each input."""
        # The weights become constants of the graph, so that what depends on them alone
        # (concatenated kernels) is computed once and not for each request.
        weights = [(v, v.numpy()) for v in self._network.variables]
        specs = [
            tf.TensorSpec(shape, tf.string, name=name)
            for name, shape in self._shapes.items()
        ]

        @tf.function(input_signature=specs, autograph=False)
        def serve(*texts):
            constants = [(v, tf.constant(value)) for v, value in weights]
            with keras.StatelessScope(state_mapping=constants):
                return self._answer(*map(without_invalid_bytes, texts))

        return serve

    def _answer(self, *texts):
        """{name of an output: tensor [B, ...]}."""
        raise NotImplementedError


def save(model: StringModel, output) -> None:
    """Writes a SavedModel with the signature "serving_default".

    Args:
        output: The folder to create. It is written completely or not at all.
    """
    signatures = {"serving_default": model.signature()}
    with atomic_files.new_folder(output) as folder:
        tf.saved_model.save(model, str(folder), signatures)


def without_invalid_bytes(texts):
    """Replaces bytes that are not UTF-8 by U+FFFD: string [...] -> string [...]."""
    return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")


def in_parts(function, num_rows, outputs):
    """Calls a function on some rows at a time, so that memory stays the same.

    Args:
        function: From the numbers of rows, int64 [r], to tensors [any, ...].
        num_rows: Number of all rows, int64. Without rows it is called for none.
        outputs: For each tensor its (dtype, shape without the first dimension).

    Returns:
        A list of tensors, those of all calls one after another.
    """
    num_parts = tf.maximum((num_rows + PART_ROWS - 1) // PART_ROWS, 1)

    def body(part, arrays):
        rows = tf.range(part * PART_ROWS, tf.minimum((part + 1) * PART_ROWS, num_rows))
        values = function(rows)
        return part + 1, [
            array.write(tf.cast(part, tf.int32), value)
            for array, value in zip(arrays, values, strict=True)
        ]

    arrays = [
        tf.TensorArray(
            dtype,
            tf.cast(num_parts, tf.int32),
            infer_shape=False,
            element_shape=[None, *shape],
        )
        for dtype, shape in outputs
    ]
    _, arrays = tf.while_loop(
        lambda part, _: part < num_parts,
        body,
        (tf.zeros([], tf.int64), arrays),
        parallel_iterations=1,
    )
    return [array.concat() for array in arrays]


def padded_features(pieces, segments, pad_id, max_length, at_least=1):
    """An encoder's features of ragged rows.

    Args:
        pieces, segments: Ragged int32 [B, (length)].
        pad_id: The id that pads.
        max_length: The longest length.
        at_least: The shortest one; otherwise it is the next multiple of 8.
    """
    longest = tf.cast(pieces.bounding_shape()[1], tf.int32)
    length = tf.minimum(-(-tf.maximum(longest, at_least) // 8) * 8, max_length)

    def padded(ragged, value):
        dense = ragged.to_tensor(value)
        missing = length - tf.shape(dense)[1]
        return tf.pad(dense, [[0, 0], [0, missing]], constant_values=value)

    return {
        "input_ids": padded(pieces, pad_id),
        "input_mask": padded(tf.ones_like(pieces), 0),
        "segment_ids": padded(segments, 0),
    }
