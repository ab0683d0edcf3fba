"""Draws architectures and pretraining flows as PNG files.

    python -m docs.drawing --output=docs/images \\
        --electra=runs/electra_lab --albert=runs/albert_lab

The flows need trained networks: workdirs of runs of these two configs, say. Without,
only the architectures are drawn.
"""

from pathlib import Path

from absl import flags

from tf_pretrain import commands

FLAGS = flags.FlagValues()
_OUTPUT = flags.DEFINE_string(
    "output",
    "docs/images",
    "Folder of the PNG files.",
    flag_values=FLAGS,
)
_ELECTRA = flags.DEFINE_string(
    "electra",
    None,
    "Trained ELECTRA whose example is drawn: a workdir.",
    flag_values=FLAGS,
)
_ALBERT = flags.DEFINE_string(
    "albert",
    None,
    "Trained ALBERT whose example is drawn: a workdir.",
    flag_values=FLAGS,
)
_ELECTRA_TEXT = ["The old king sat in the garden and read a long letter from his son."]
_ALBERT_TEXT = ["The king read a long letter.", "Then he went to see his son."]


def _main():
    _draw(Path(_OUTPUT.value))


def _draw(folder):
    from docs.drawing import architecture, flows
    from tf_pretrain.config.files import CONFIGS, load_config

    folder.mkdir(parents=True, exist_ok=True)

    def save(name, canvas):
        canvas.save(folder / f"{name}.png")
        print(folder / f"{name}.png", flush=True)

    electra = load_config(f"{CONFIGS}/electra_small.py")
    save("electra_architecture", architecture.draw_electra(electra, "ELECTRA-Small"))
    albert = load_config(f"{CONFIGS}/albert.py:base_v1")
    save("albert_architecture", architecture.draw_albert(albert, "ALBERT-base"))
    if _ELECTRA.value:
        network, example, name = _example(_ELECTRA.value, _ELECTRA_TEXT)
        objective = network.config.objective
        save("electra_flow", flows.draw_electra(example, objective, name))
    if _ALBERT.value:
        _, example, name = _example(_ALBERT.value, _ALBERT_TEXT)
        save("albert_flow", flows.draw_albert(example, name))


def _example(path, lines):
    from docs.drawing import example
    from tf_pretrain.interchange.loading import load_pretrainer, load_tokenizer

    network = load_pretrainer(path).network
    found = example.make_telling(network, load_tokenizer(path), lines)
    return network, found, Path(path).resolve().name


if __name__ == "__main__":
    commands.run(_main, FLAGS)
