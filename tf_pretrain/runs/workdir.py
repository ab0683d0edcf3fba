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


_GUESSING_NOTE = """\
guessing: what needs no reading of the text. masked_lm_loss: predict every piece by its
frequency in the training text; masked_lm_accuracy: always the most frequent piece;
replaced_token_accuracy: call nothing replaced; the others: toss a coin."""
_AUC_NOTE = """\
replaced_token_auc says little without masked_lm_loss: the words that an untrained
generator draws are easy to find, so it is high early in a run for no good reason, and
it may fall while both networks learn. Compare it at like values of masked_lm_loss."""


def report(results: dict, workdir) -> str:
    """The end of a run for people: held-out scores beside the untrained model's."""
    scores, untrained = results["eval"], results["eval_untrained"]
    lines = [
        "",
        f"{results['parameters']:,} parameters, {results['step']:,} steps, "
        f"{results['seconds'] / 60:.1f} minutes, "
        f"{results['tokens_per_s']:,.0f} tokens/s",
        "",
        f"{'held-out score':<28}{'untrained':>12}{'trained':>12}{'guessing':>12}",
    ]
    for name, value in scores.items():
        if name not in ("unigram_loss", "most_frequent_accuracy"):
            cells = (untrained.get(name), value, _guessing(name, scores))
            lines.append(f"{name:<28}" + "".join(map(_cell, cells)).rstrip())
    if scores:
        lines += ["", _GUESSING_NOTE]
    if "replaced_token_auc" in scores:
        lines += ["", _AUC_NOTE]
    lines += ["", f"results.json, pictures and checkpoints are in {workdir}"]
    return "\n".join(lines)


def _guessing(name, scores):
    """A held-out score without reading, by _GUESSING_NOTE; None if it is not known."""
    if name == "masked_lm_loss":  # runs of older versions did not count the pieces
        return scores.get("unigram_loss")
    if name == "masked_lm_accuracy":
        return scores["most_frequent_accuracy"]
    if name == "replaced_token_accuracy":
        return 1 - scores["replaced_token_rate"]
    return None if name == "replaced_token_rate" else 0.5


def _cell(value):
    return f"{'' if value is None else format(value, '.4f'):>12}"
