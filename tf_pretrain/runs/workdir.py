"""A run's folder: whose it is, and what its results say."""

import json
from pathlib import Path

from tf_pretrain import atomic_files
from tf_pretrain import config as config_lib
from tf_pretrain.config import RUN_FIELDS, PretrainConfig
from tf_pretrain.errors import ConfigError
from tf_pretrain.training import checkpoints


def claim_workdir(config: PretrainConfig, workdir: Path) -> None:
    """Writes the resolved config, or checks that the workdir holds the same one.

    A run that has no checkpoint yet, whose data did not fit, say, holds nothing.

    Raises:
        ConfigError: If it holds another; names the fields that differ.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    path = workdir / "config.json"
    if path.exists() and checkpoints.latest_step(workdir / "checkpoints") is not None:
        old = json.loads(path.read_text(encoding="utf-8"))
        # An older version's file lacks newer fields: they had their defaults.
        old = config_lib.to_dict(config_lib.from_dict(PretrainConfig, old))
        differing = [
            line
            for line in config_lib.differing_fields(old, config_lib.to_dict(config))
            if not line.startswith(RUN_FIELDS)
        ]
        if differing:
            raise ConfigError(
                f"{workdir} holds a run with another config; use another --workdir, "
                "or the old values of:\n  " + "\n  ".join(differing)
            )
    atomic_files.write_json(path, config_lib.to_dict(config))


def report(results: dict, workdir) -> str:
    """The end of a run for people: held-out scores beside the untrained model's."""
    lines = [
        "",
        f"{results['parameters']:,} parameters, {results['step']:,} steps, "
        f"{results['seconds'] / 60:.1f} minutes, "
        f"{results['tokens_per_s']:,.0f} tokens/s",
        "",
        f"{'held-out score':<28}{'untrained':>12}{'trained':>12}",
    ]
    for name, value in results["eval"].items():
        untrained = results["eval_untrained"].get(name, float("nan"))
        lines.append(f"{name:<28}{untrained:>12.4f}{value:>12.4f}")
    lines += ["", f"results.json, curves.png and checkpoints are in {workdir}"]
    return "\n".join(lines)
