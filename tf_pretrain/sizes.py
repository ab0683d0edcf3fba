"""Parameters and FLOPs of every published config beside the papers' printed values.

    python -m tf_pretrain.sizes          # prints a Markdown table

The table is in docs/fidelity.md. The counts are computed with formulas (`models.sizes`,
`models.flops`), and no network is built.
"""

import dataclasses

from tf_pretrain.config.files import CONFIGS, load_config
from tf_pretrain.models import flops, sizes


@dataclasses.dataclass(frozen=True)
class Printed:
    """What a paper prints; None where it prints nothing.

    Attributes:
        config: Name of the config file, with its argument.
        source: Table of the paper.
        parameters: Millions.
        inference_flops: One sequence of 128 tokens.
        training_flops: The whole run.
        num_steps: Steps of the printed run, if they differ from the config's.
    """

    config: str
    source: str
    parameters: int
    inference_flops: float | None = None
    training_flops: float | None = None
    num_steps: int | None = None


_ELECTRA, _ALBERT = "Clark et al. (2020), ", "Lan et al. (2019), "
PRINTED = (
    Printed("electra_small.py", _ELECTRA + "Table 1", 14, 3.7e9, 1.4e18),
    Printed("electra_small_pp.py", _ELECTRA + "Table 8", 14, None, 3.3e19),
    Printed("electra_base.py", _ELECTRA + "Table 1", 110, 2.9e10, 6.4e19),
    Printed("electra_large.py", _ELECTRA + "Table 2, 400K", 335, None, 7.1e20),
    Printed(
        "electra_large.py", _ELECTRA + "Table 2, 1.75M", 335, None, 3.1e21, 1750000
    ),
    Printed("bert_small.py", _ELECTRA + "Table 1", 14, 3.7e9, 1.4e18),
    Printed("bert_base.py", _ELECTRA + "Table 1", 110, 2.9e10, 6.4e19),
    Printed("albert.py:base_v1", _ALBERT + "Table 1", 12),
    Printed("albert.py:large_v1", _ALBERT + "Table 1", 18),
    Printed("albert.py:xlarge_v1", _ALBERT + "Table 1", 60),
    Printed("albert.py:xxlarge_v1", _ALBERT + "Table 1", 235),
    Printed("albert.py:xxlarge_v1", _ELECTRA + "Table 3", 235, None, 3.1e22, 1500000),
)


def table() -> str:
    """The Markdown table, one row for each printed result."""
    lines = [
        "| config | source | parameters | printed | FLOPs, one 128-token text "
        "| printed | FLOPs, training | printed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in PRINTED:
        config = load_config(f"{CONFIGS}/{row.config}")
        if row.num_steps:
            train = dataclasses.replace(config.train, num_steps=row.num_steps)
            config = dataclasses.replace(config, train=train)
        cells = [
            f"`{row.config}`",
            row.source,
            f"{sizes.paper_parameters(config) / 1e6:.2f} M",
            f"{row.parameters} M",
            f"{flops.inference_flops(config.model, 128):.3g}",
            _printed(row.inference_flops),
            f"{flops.training_flops(config):.3g}",
            _printed(row.training_flops),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _printed(value):
    return "–" if value is None else f"{value:.2g}"


if __name__ == "__main__":
    print(table())
