"""Tags of words, prepared for an encoder."""

from pathlib import Path

from tf_pretrain import atomic_files
from tf_pretrain.interchange.finetuned_networks import TaggerConfig
from tf_pretrain.tasks.problem import Problem
from tf_pretrain.tasks.tagging import codec, plots
from tf_pretrain.tasks.tagging.spans import bioes_tags, span_scores, spans_of_tags


class TaggingProblem(Problem):
    """The problem of a `TaggingTask`, with tags that mark all borders (BIOES)."""

    def describe_network(self, encoder):
        settings = self.config.finetune
        tags = {
            tag
            for sentences in self.task.splits.values()
            for sentence in sentences
            for tag in self._bioes(sentence.tags)
        }
        return TaggerConfig(
            task=self.task.name,
            encoder=encoder,
            class_names=tuple(sorted(tags)),
            loss_reduction=settings.loss_reduction,
            max_seq_length=settings.max_seq_length,
            vocabulary=self.tokenizer.fingerprint,
            span_rule=self.config.tagging.span_rule,
        )

    def _spans(self, tags):
        return spans_of_tags(tags, self.config.tagging.span_rule)

    def _bioes(self, tags):
        return bioes_tags(self._spans(tags), len(tags))

    def encode(self, split):
        sentences = self.task.splits[split]
        return codec.encode(
            [sentence.words for sentence in sentences],
            [self._bioes(sentence.tags) for sentence in sentences],
            self.model,
            self.tokenizer,
            self.config.tagging.legacy_inputs,
        )

    def outputs(self, network, features):
        return {"logits": network(features, training=False)}

    def predictions(self, split, outputs):
        """A list of tags for each sentence; "O" for words behind the cut."""
        words = [sentence.words for sentence in self.task.splits[split]]
        return codec.decode(words, self.examples[split], outputs, self.model)

    def scores(self, split, predictions):
        """Scores over all words. Words after the end of the input count as missed."""
        sentences = self.task.splits[split]
        gold = [self._spans(sentence.tags) for sentence in sentences]
        scores = span_scores(gold, [self._spans(tags) for tags in predictions])
        right = sum(
            a == b
            for sentence, tags in zip(sentences, predictions, strict=True)
            for a, b in zip(self._bioes(sentence.tags), tags, strict=True)
        )
        words = sum(len(sentence.words) for sentence in sentences)
        scores = {name: value / 100 for name, value in scores.items()}
        return {**scores, "accuracy": right / words}

    def plot(self, workdir, results):
        plots.plot_tags(workdir, self.task, results)

    def write(self, folder, predictions):
        """`dev.txt`: word, true tag and predicted tag, as `conlleval` reads them."""
        folder, paths = Path(folder), {}
        folder.mkdir(parents=True, exist_ok=True)
        for split, all_tags in predictions.items():
            blocks = []
            for sentence, tags in zip(self.task.splits[split], all_tags, strict=True):
                gold = self._bioes(sentence.tags)
                rows = zip(sentence.words, gold, tags, strict=True)
                blocks.append("".join(f"{word} {a} {b}\n" for word, a, b in rows))
            paths[split] = folder / f"{split}.txt"
            with atomic_files.replacing(paths[split]) as temporary:
                text = "\n".join(blocks)
                temporary.write_text(text, encoding="utf-8", newline="\n")
        return paths
