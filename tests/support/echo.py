"""A contestant for the tests of the benchmarks' processes."""


def echo(offset):
    """A contestant for these tests; also prints, which must not break the protocol."""
    if offset is None:
        raise ValueError("not built")
    print("noise from a library")

    def answer(value):
        print("more noise")
        return {"value": value + offset}

    return answer
