"""Finds examples of a fine-tuned classifier for Figures 11 and 12.

    python run_finetuning.py --task=trec --init_checkpoint=ENCODER --workdir=runs/trec
    python -m docs.drawing.classified --workdir=runs/trec --task=trec

The examples are added to docs/course/examples.json, so that the pictures can be drawn
without the classifier. They are the first short texts of the scored split that fit the
description of a figure; nobody chooses them.
"""

import json
from pathlib import Path

import numpy as np
from absl import flags

from tf_pretrain import atomic_files, commands, commit
from tf_pretrain.data.text_features import encode_pairs
from tf_pretrain.errors import UserError

FLAGS = flags.FlagValues()
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "A finished fine-tuning run.", flag_values=FLAGS
)
_TASK = flags.DEFINE_string(
    "task", None, "The folder with its data: trec or sst5.", flag_values=FLAGS
)
_OUTPUT = flags.DEFINE_string(
    "output", "docs/course/examples.json", "The file to add to.", flag_values=FLAGS
)
_LONGEST, _BATCH = 10, 64  # words of an example; texts
NEGATIONS = {"not", "n't", "no", "never", "nothing", "without", "neither", "nor"}


class Reader:
    """A fine-tuned classifier on rows of ids."""

    def __init__(self, tuned):
        self.network, self.tokenizer = tuned.classifier, tuned.tokenizer
        self._length = tuned.model.max_seq_length

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """float32 [N, C]."""
        ids, _ = encode_pairs(self.tokenizer, texts, None, self._length)
        return self._of_ids(ids)

    def _of_ids(self, rows):
        order = np.argsort([len(row) for row in rows], kind="stable")
        found = [None] * len(rows)
        for start in range(0, len(rows), _BATCH):
            chosen = order[start : start + _BATCH]
            length = max(len(rows[i]) for i in chosen)
            ids = np.zeros((len(chosen), length), np.int32)
            mask = np.zeros_like(ids)
            for place, i in enumerate(chosen):
                ids[place, : len(rows[i])] = rows[i]
                mask[place, : len(rows[i])] = 1
            features = {"input_ids": ids, "input_mask": mask}
            features["segment_ids"] = np.zeros_like(ids)
            logits = np.asarray(self.network(features, training=False))
            powers = np.exp(logits - logits.max(-1, keepdims=True))
            for i, row in zip(chosen, powers, strict=True):
                found[i] = row / row.sum()
        return np.array(found, np.float32)

    def changes(self, text: str) -> np.ndarray:
        """float32 [words]: change of the answer's probability if a word is masked.

        Raises:
            UserError: If the text's pieces are not those of its words.
        """
        words = text.split()
        counts = np.diff(self.tokenizer.tokenize(words)[1])
        ((ids,), _) = encode_pairs(self.tokenizer, [text], None, self._length)
        if counts.sum() != len(ids) - 2:
            raise UserError(f"the pieces of {text!r} are not those of its words")
        rows, start = [ids], 1
        for count in counts:
            row = ids.copy()
            row[start : start + count] = self.tokenizer.mask_id
            rows.append(row)
            start += count
        whole, *masked = self._of_ids(rows)
        answer = whole.argmax()
        return np.array([row[answer] for row in masked]) - whole[answer]


def choose(texts, labels, probabilities, wanted) -> list[int]:
    """The first short text that fits each description and was not taken yet.

    Args:
        wanted: Functions of (words, label, answer, answers taken so far).

    Raises:
        UserError: If none fits one of them.
    """
    answers, taken = probabilities.argmax(-1), []
    for number, fits in enumerate(wanted):
        before = [answers[i] for i in taken]
        for i, text in enumerate(texts):
            words = text.lower().split()
            if i in taken or not 3 <= len(words) <= _LONGEST:
                continue
            if fits(words, labels[i], answers[i], before):
                taken.append(i)
                break
        else:
            raise UserError(f"no text fits description {number + 1} of the figure")
    return taken


def _another_right_class(words, label, answer, before):
    return label == answer and answer not in before


def _wrong(words, label, answer, before):
    return label != answer


def _negated(words, label, answer, before):
    return label == answer and bool(NEGATIONS & set(words))


WANTED = {
    "trec": (*[_another_right_class] * 3, _wrong),
    "sst5": (_negated, *[_another_right_class] * 2, _wrong),
}


def make(tuned, task, name: str, epochs: float) -> dict:
    """Examples of a classifier, as Figure 11 or 12 shows them.

    Args:
        tuned: A FineTuned classifier.
        task: The Task that it was trained on.
        name: In WANTED.
        epochs: That it was trained for.
    """
    reader = Reader(tuned)
    split = task.splits[task.scored_splits[-1]]
    probabilities = reader.probabilities(split.texts_a)
    chosen = choose(split.texts_a, split.labels, probabilities, WANTED[name])
    sizes = {
        part: sum(
            int(np.prod(v.shape))
            for v in tuned.classifier.trainable_variables
            if ("encoder/" in v.path) == (part == "encoder")
        )
        for part in ("encoder", "head")
    }
    return {
        "name": name,
        "commit": commit.current(),
        "classes": task.num_outputs,
        "encoder_weights": sizes["encoder"],
        "head_weights": sizes["head"],
        "train_examples": len(task.splits["train"]),
        "epochs": epochs,
        "scored_examples": len(split),
        "accuracy": float(np.mean(probabilities.argmax(-1) == split.labels)),
        "examples": [
            {
                "text": split.texts_a[i],
                "label": int(split.labels[i]),
                "probabilities": [round(float(p), 4) for p in probabilities[i]],
                "words": split.texts_a[i].split(),
                "changes": [
                    round(float(c), 4) for c in reader.changes(split.texts_a[i])
                ],
            }
            for i in chosen
        ],
    }


def _main():
    from tf_pretrain.interchange.finetuning_workdir import load_classifier
    from tf_pretrain.tasks import own_task

    for name, value in (("workdir", _WORKDIR.value), ("task", _TASK.value)):
        if value is None:
            raise UserError(f"--{name} is missing")
    name = own_task.task_name(_TASK.value)
    if name not in WANTED:
        raise UserError(f"--task is {name}; expected a folder {' or '.join(WANTED)}")
    output = Path(_OUTPUT.value)
    found = json.loads(output.read_text("utf-8")) if output.exists() else {}
    task = own_task.load(_TASK.value)
    config = json.loads((Path(_WORKDIR.value) / "config.json").read_text("utf-8"))
    epochs = config["finetune"]["num_epochs"]
    found[name] = make(load_classifier(_WORKDIR.value), task, name, epochs)
    atomic_files.write_json(output, found)
    for example in found[name]["examples"]:
        print(example["label"], example["probabilities"], example["text"])


def main(argv=None):
    """Runs the command; argv is without the program's name."""
    commands.run(_main, FLAGS, argv)


if __name__ == "__main__":
    main()
