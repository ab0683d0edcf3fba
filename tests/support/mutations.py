"""Random damage to the files of a checkpoint, the same for the same number."""

import contextlib
import json
import random

# Mutations of bytes.


def _flip(content, random_):
    for _ in range(random_.choice([1, 8, 64])):
        place = random_.randrange(len(content))
        content[place] ^= 1 << random_.randrange(8)
    return content


def _truncate(content, random_):
    return content[: random_.randrange(len(content))]


def _overwrite(content, random_):
    start = random_.randrange(len(content))
    size = random_.choice([4, 64, 1024])
    content[start : start + size] = random_.randbytes(size)
    return content


def _garbage(content, random_):
    return random_.randbytes(random_.choice([0, 1, 1000]))


def _append(content, random_):
    return bytes(content) + random_.randbytes(100)


# Mutations of JSON.

_BAD_VALUES = [
    None, True, False, 0, -1, 1, 3, 7, 0.5, -0.5, 1e300, 2**31, 2**63, 10**12, 10**30,
    float("nan"), float("inf"), "", "x", "gelu", "../../x", "/etc/passwd", "\ud800",
    "\0", "__import__('os').system('x')", [], [1], {}, {"x": 1},
    {"class_name": "Lambda", "config": {"function": "x"}},
]  # fmt: skip


def _mutate_json(content, random_):
    values = json.loads(content)
    parents = []  # (container, key) of every value

    def walk(value):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            parents.append((value, key))
            if isinstance(item, (dict, list)):
                walk(item)

    walk(values)
    for _ in range(random_.choice([1, 1, 3])):
        container, key = random_.choice(parents)
        kind = random_.random()
        with contextlib.suppress(KeyError, IndexError):
            if kind < 0.15:
                del container[key]
            elif kind < 0.25 and isinstance(container, dict):
                container[random_.choice(["x", "..", "config", ""])] = container.pop(
                    key
                )
            else:
                container[key] = random_.choice(_BAD_VALUES)
    if random_.random() < 0.1:
        return random_.choice([b"[" * 100_000, b"[]", b"null", b'"x"', b"1", b"{}"])
    return json.dumps(values).encode()


_OF_BYTES = [_flip, _flip, _truncate, _overwrite, _garbage, _append]


def mutate(number, folder):
    """Changes one file of a folder; returns what was done, for the message."""
    random_ = random.Random(number)
    path = random_.choice(sorted(p for p in folder.rglob("*") if p.is_file()))
    done = f"{path.relative_to(folder)} "
    if random_.random() < 0.08:
        path.unlink()
        if random_.random() < 0.5:
            path.mkdir()
        return done + "removed"
    content = bytearray(path.read_bytes())
    mutation = random_.choice(_OF_BYTES)
    if path.suffix == ".json" and random_.random() < 0.85:
        mutation = _mutate_json
    path.write_bytes(bytes(mutation(content, random_)))
    return done + mutation.__name__
