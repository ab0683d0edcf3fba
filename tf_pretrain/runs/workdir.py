"""The folder of a run: the config it belongs to, and the report of its results."""

import json
from pathlib import Path

from tf_pretrain import atomic_files
from tf_pretrain import config as config_lib
from tf_pretrain.config import RUN_FIELDS, PretrainConfig
from tf_pretrain.errors import ConfigError
from tf_pretrain.training import checkpoints


def claim_workdir(config: PretrainConfig, workdir: Path, may_differ=()) -> None:
    """Writes the resolved config, or checks that the workdir holds the same one.

    A workdir without a checkpoint may be taken over by another config, for example
    after a first try whose data did not fit.

    Args:
        may_differ: Fields that are not compared, besides RUN_FIELDS: those that
            initial weights decide, which older versions did not write down.

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
            if not line.startswith((*RUN_FIELDS, *may_differ))
        ]
        if differing:
            raise ConfigError(
                f"{workdir} holds a run with another config; use another --workdir, "
                "or the old values of:\n  " + "\n  ".join(differing)
            )
    atomic_files.write_json(path, config_lib.to_dict(config))


_GUESSING_NOTE = """\
The column "guessing" has the scores of a program that does not read the text. For
masked_lm_loss it predicts every piece by its frequency in the training text, and for
masked_lm_accuracy always the most frequent piece. For replaced_token_accuracy it calls
no piece replaced. For the others it tosses a coin."""
_AUC_NOTE = """\
Read replaced_token_auc together with masked_lm_loss. An untrained generator draws
words that are easy to find, so the AUC is high early in a run and may fall while both
networks learn. Compare it between runs with similar values of masked_lm_loss."""


def report(results: dict, workdir) -> str:
    """The text at the end of a run: a table of held-out scores.

    It shows the scores at the start, at the end, and those of guessing. The heading of
    the first column says whether the weights at the start were untrained.
    """
    scores, untrained = results["eval"], results["eval_untrained"]
    start = "at start" if results.get("initial_weights") else "untrained"
    lines = [
        "",
        f"{results['parameters']:,} parameters, {results['step']:,} steps, "
        f"{results['seconds'] / 60:.1f} minutes, "
        f"{results['tokens_per_s']:,.0f} tokens/s",
        "",
        f"{'held-out score':<28}{start:>12}{'trained':>12}{'guessing':>12}",
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
    """The score of guessing, as _GUESSING_NOTE says; None if it is not known."""
    if name == "masked_lm_loss":  # runs of older versions did not count the pieces
        return scores.get("unigram_loss")
    if name == "masked_lm_accuracy":
        return scores["most_frequent_accuracy"]
    if name == "replaced_token_accuracy":
        return 1 - scores["replaced_token_rate"]
    return None if name == "replaced_token_rate" else 0.5


def _cell(value):
    return f"{'' if value is None else format(value, '.4f'):>12}"
