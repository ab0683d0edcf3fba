"""Parses bytes of `tf.train.Example` into arrays, many at a time, without TensorFlow.

An example is a map from names to lists of integers, floats or bytes, nested as

    Example { features { feature { key: "input_ids" value { int64_list { ... }}} ... }}

Nearly all examples have the same layout: one `features`, in each of its entries a key
and then a value, and all numbers of a list packed together. These examples are parsed
together, and one NumPy operation reads the same field of all of them. Examples with
another layout or with errors go to a simple parser, which takes one example at a time
and says what is wrong with it.

Letters: N examples, L values of a feature.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

_MAX_ENTRIES = 64  # largest number of features of an example in the fast parser
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 1, 2, 3  # numbers of fields of Feature
_KINDS = {_BYTES_LIST: "bytes", _FLOAT_LIST: "floats", _INT64_LIST: "integers"}
_DELIMITED = 2  # the wire type of strings, messages and packed numbers
_FIRST_FIELD, _SECOND_FIELD = 1 << 3 | _DELIMITED, 2 << 3 | _DELIMITED  # tags
_MAX_VARINT = 10  # bytes of an encoded int64
_NO_EXAMPLE = "its bytes are not a tf.train.Example"


class FeatureSpec(NamedTuple):
    """The contents of a feature: L values of int64 or float32."""

    length: int
    dtype: type


def parse_examples(
    serialized: Sequence[bytes], spec: Mapping[str, FeatureSpec]
) -> tuple[dict[str, np.ndarray], dict[int, str]]:
    """Parses examples. Features that are not in `spec` are skipped.

    Returns:
        features: {name: [N, L]}, float32, or an integer type that holds the values.
        reasons: {index of an example: why it cannot be parsed}. The rows of these
            examples are zeros.
    """
    # A few zeros after the last example allow all fields to be read without a test.
    buffer = np.frombuffer(b"".join([*serialized, bytes(16)]), np.uint8)
    stops = np.cumsum(np.fromiter(map(len, serialized), np.int64, len(serialized)))
    is_plain, places = _walk(buffer, stops, spec)
    features = {}
    for name, (length, dtype) in spec.items():
        start, size, kind = places[name]
        decode = _decode_integers if dtype == np.int64 else _decode_floats
        wanted = _INT64_LIST if dtype == np.int64 else _FLOAT_LIST
        is_plain &= kind == wanted
        rows = np.flatnonzero(is_plain)
        values, is_decoded = decode(buffer, start[rows], size[rows], length)
        is_plain[rows[~is_decoded]] = False
        if len(values) == len(serialized):
            features[name] = values
        else:
            features[name] = np.zeros((len(serialized), length), values.dtype)
            features[name][rows[is_decoded]] = values

    reasons = {}
    others = np.flatnonzero(~is_plain).tolist()
    if others:
        # Their values may have any size.
        features = {
            name: values.astype(spec[name].dtype) for name, values in features.items()
        }
    for row in others:
        try:
            example = _parse_one(serialized[row], spec)
        except ValueError as error:
            reasons[row] = str(error)
            example = dict.fromkeys(spec, 0)
        for name, values in example.items():
            features[name][row] = values
    return features, reasons


def _walk(buffer, stops, spec):
    """Finds the values of all features in all examples.

    Returns:
        is_plain: bool [N], true for examples with the usual layout.
        places: {name: (start [N], size [N], kind [N])} of the packed values. `kind` is
            the number of a field of Feature, or 0 if there is no such feature.
    """

    def enter(at, tag):
        """Where the contents of the fields that start at `at` begin and end."""
        at = np.minimum(at, len(buffer) - 16)
        is_field = buffer[at] == tag
        size = (buffer[at + 1] & 127).astype(np.int64)
        begin = at + 2
        more = buffer[at + 1] > 127
        for i in (2, 3, 4):
            if not more.any():
                break
            byte = buffer[at + i]
            size += np.where(more, (byte & 127).astype(np.int64) << 7 * (i - 1), 0)
            begin += more
            more &= byte > 127
        return begin, begin + size, is_field & ~more

    num_examples = len(stops)
    places = {name: np.zeros((3, num_examples), np.int64) for name in spec}
    starts = np.concatenate([np.zeros(1, np.int64), stops[:-1]])[:num_examples]
    at, end, is_plain = enter(starts, _FIRST_FIELD)
    is_plain &= end == stops
    for _ in range(_MAX_ENTRIES):
        rows = np.flatnonzero(is_plain & (at < end))
        if not rows.size:
            break
        begin, entry_end, is_entry = enter(at[rows], _FIRST_FIELD)
        key, key_end, has_key = enter(begin, _FIRST_FIELD)
        feature, feature_end, has_value = enter(key_end, _SECOND_FIELD)
        tag = buffer[np.minimum(feature, len(buffer) - 16)]
        values, values_end, has_list = enter(feature, tag)
        packed, packed_end, is_packed = enter(values, _FIRST_FIELD)
        is_entry &= has_key & has_value & (feature_end == entry_end)
        is_entry &= entry_end <= end[rows]
        is_packed &= has_list & (tag & 7 == _DELIMITED) & (values_end == feature_end)
        is_packed &= packed_end == values_end
        for name, place in places.items():
            key_bytes = np.frombuffer(name.encode(), np.uint8)
            found = np.flatnonzero(is_entry & (key_end - key == len(key_bytes)))
            there = buffer[key[found, None] + np.arange(len(key_bytes))]
            found = found[(there == key_bytes).all(1)]
            place[:, rows[found]] = (
                packed[found],
                (packed_end - packed)[found],
                (tag[found] >> 3),
            )
            is_entry[found] &= is_packed[found]
        is_plain[rows] = is_entry
        at[rows] = entry_end
    return is_plain & (at == end), places


def _decode_floats(buffer, start, size, length):
    """Values [n, L] of the n rows that have L floats, and which rows these are."""
    fits = size == 4 * length
    values = _windows(buffer, start[fits], 4 * length).view("<f4")
    return values.astype(np.float32, copy=False), fits


def _decode_integers(buffer, start, size, length):
    """Values [n, L] of the n rows that have L integers, and which rows these are."""
    if (size == length).all():
        values = _windows(buffer, start, length)
        if not values.size or values.max() < 128:
            return values, np.ones(len(start), bool)
    # Each value ends with a byte below 128, so the number of values is known in
    # advance.
    width = max(size.max(), 1)
    window = _windows(buffer, start, width)
    is_inside = np.arange(width) < size[:, None]
    last = np.take_along_axis(window, np.maximum(size - 1, 0)[:, None], 1)[:, 0]
    num_values = ((window < 128) & is_inside).sum(1)
    fits = (num_values == length) & (last < 128) & (size > 0)
    if not fits.all():
        window, is_inside = window[fits], is_inside[fits]
    values, is_legal = _varints(window[is_inside])
    is_legal = is_legal.reshape(-1, length).all(1)
    fits[fits] = is_legal
    return values.reshape(-1, length)[is_legal], fits


def _windows(buffer, start, width):
    """The `width` bytes after each start, as rows, with zeros after the end."""
    padded = np.pad(buffer, (0, width))
    return np.lib.stride_tricks.sliding_window_view(padded, width)[start]


def _varints(stream):
    """Decodes integers of 7 bits a byte, low bits first.

    Bit 128 marks all bytes of an integer except the last one.

    Returns:
        values: int32 or int64 [n].
        is_legal: bool [n], false for integers of more than ten bytes.
    """
    # This is computed for all bytes as if each were a last one: contiguous arrays are
    # fast.
    is_last = stream < 128
    padded = np.concatenate([np.zeros(_MAX_VARINT, np.uint8), stream])
    size = len(stream)
    bits = stream.astype(np.int32)
    goes_on = np.ones(size, bool)
    for i in range(1, _MAX_VARINT + 1):
        byte = padded[_MAX_VARINT - i : _MAX_VARINT - i + size]
        goes_on &= byte > 127
        if not goes_on.any():
            break
        if i == 4:  # five times seven bits
            bits = bits.astype(np.int64)
        bits = np.where(goes_on, bits << 7 | byte & 127, bits)
    ends = np.flatnonzero(is_last)  # faster than a mask, which is hard to predict
    return bits.take(ends), ~goes_on.take(ends)


def _parse_one(serialized, spec):
    """Parses any valid example into {name: [L]}.

    Raises:
        ValueError: If it is invalid. The message says why.
    """
    found = {}
    for number, _, features in _fields(serialized):
        if number == 1:
            for entry in _delimited(features, 1):
                key = b"".join(_delimited(entry, 1)[-1:])
                found[key] = b"".join(_delimited(entry, 2))
    example = {}
    for name, (length, dtype) in spec.items():
        kind, content = 0, b""
        for number, wire_type, value in _fields(found.get(name.encode(), b"")):
            if number in _KINDS and wire_type == _DELIMITED:
                content = content + value if number == kind else value
                kind = number
        if not kind:
            raise ValueError(f"feature {name} is missing")
        wanted = _INT64_LIST if dtype == np.int64 else _FLOAT_LIST
        if kind != wanted:
            raise ValueError(
                f"feature {name} holds {_KINDS[kind]}, not {_KINDS[wanted]}"
            )
        numbers = _integers(content) if kind == _INT64_LIST else _floats(content)
        if len(numbers) != length:
            raise ValueError(f"feature {name} has {len(numbers)} values, not {length}")
        example[name] = numbers
    return example


def _integers(message):
    """The numbers of an Int64List, packed or not."""
    numbers = []
    _require_one_layout(message)
    for number, wire_type, value in _fields(message):
        if number == 1 and wire_type == 0:
            numbers.append(value)
        elif number == 1 and wire_type == _DELIMITED:
            at = 0
            while at < len(value):
                integer, at = _varint(value, at)
                numbers.append(integer)
    return np.array(numbers, np.uint64).view(np.int64)


def _floats(message):
    """The numbers of a FloatList, packed or not."""
    _require_one_layout(message)
    numbers = b"".join(
        value
        for number, wire_type, value in _fields(message)
        if number == 1 and wire_type in (_DELIMITED, 5)
    )
    if len(numbers) % 4:
        raise ValueError(_NO_EXAMPLE)
    return np.frombuffer(numbers, "<f4").astype(np.float32)


def _require_one_layout(message):
    """Raises ValueError if a list has packed and unpacked numbers, like TensorFlow."""
    wire_types = {wire_type for _, wire_type, _ in _fields(message)}
    if _DELIMITED in wire_types and len(wire_types) > 1:
        raise ValueError(_NO_EXAMPLE)


def _delimited(message, number):
    """The contents of the length-delimited fields with this number."""
    return [
        value
        for found, wire_type, value in _fields(message)
        if found == number and wire_type == _DELIMITED
    ]


def _fields(message):
    """Yields (number, wire type, content) of each field of a protobuf message."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise ValueError(_NO_EXAMPLE)
        if wire_type == 0:
            value, at = _varint(message, at)
        else:
            if wire_type == _DELIMITED:
                size, at = _varint(message, at)
            elif wire_type in (1, 5):
                size = struct.calcsize("<d" if wire_type == 1 else "<f")
            else:
                raise ValueError(_NO_EXAMPLE)
            value, at = message[at : at + size], at + size
            if at > len(message):
                raise ValueError(_NO_EXAMPLE)
        yield number, wire_type, value


def _varint(message, at):
    """The unsigned integer that starts at `at`, and where it ends."""
    value = 0
    for i in range(_MAX_VARINT):
        if at + i >= len(message):
            break
        value |= (message[at + i] & 127) << 7 * i
        if message[at + i] < 128:
            return value & 0xFFFFFFFFFFFFFFFF, at + i + 1
    raise ValueError(_NO_EXAMPLE)
