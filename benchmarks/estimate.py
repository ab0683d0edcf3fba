"""A paper estimate of the papers' runs on accelerators, from FLOPs and published peaks.

    python -m benchmarks.estimate

Assumptions: bfloat16; the matrix products of `tf_pretrain.models.flops.matmul_flops`
are all that counts; they run at UTILISATION of the vendor's dense peak, on any number
of chips. Nothing of this was measured.
"""

import importlib

UTILISATION = 0.4  # of the peak; what well-tuned Transformers of these sizes reach
# Dense bfloat16 (V100: float16) TFLOP/s of a chip, from the vendors' data sheets.
PEAKS = {"V100": 125, "TPU v3": 123, "TPU v4": 275, "A100": 312, "H100 SXM": 989}
RUNS = {
    "ELECTRA-Small": ("electra_small", ()),
    "ELECTRA-Base": ("electra_base", ()),
    "ELECTRA-Large": ("electra_large", ()),
    "ALBERT-base v1": ("albert", ("base_v1",)),
    "ALBERT-xxlarge v1": ("albert", ("xxlarge_v1",)),
}


def chip_hours(flops: float, peak_tflops: float) -> float:
    """Hours of one chip for so many operations."""
    return flops / (peak_tflops * 1e12 * UTILISATION) / 3600


def main():
    from tf_pretrain.models.flops import matmul_flops

    print("| run | FLOPs | " + " | ".join(f"{n}, chip hours" for n in PEAKS) + " |")
    print("|---" * (2 + len(PEAKS)) + "|")
    for name, (module, arguments) in RUNS.items():
        config = importlib.import_module(f"configs.{module}").get_config(*arguments)
        flops = matmul_flops(config) * config.train.num_steps
        hours = [f"{chip_hours(flops, peak):,.0f}" for peak in PEAKS.values()]
        print(f"| {name} | {flops:.2e} | " + " | ".join(hours) + " |")


if __name__ == "__main__":
    main()
