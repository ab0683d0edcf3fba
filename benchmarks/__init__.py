"""Speed and memory of this package beside its peers: `python -m benchmarks.run`."""
