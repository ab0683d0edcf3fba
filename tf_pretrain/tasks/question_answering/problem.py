"""Questions about texts, prepared for an encoder."""

import dataclasses
from pathlib import Path

from tf_pretrain import atomic_files
from tf_pretrain.interchange.finetuned_networks import QuestionAnswererConfig
from tf_pretrain.tasks.problem import Problem
from tf_pretrain.tasks.question_answering import codec, plots, squad_metrics
from tf_pretrain.tasks.task import TaskError


class SpanProblem(Problem):
    """The problem of a `QuestionTask`, as in either released program."""

    def describe_network(self, encoder):
        settings, questions = self.config.finetune, self.config.questions
        may_be_unanswerable = self.task.may_be_unanswerable
        has_answerability = questions.has_answerability
        if questions.head == "albert":
            has_answerability = may_be_unanswerable
        return QuestionAnswererConfig(
            task=self.task.name,
            encoder=encoder,
            head=questions.head,
            may_be_unanswerable=may_be_unanswerable,
            has_answerability=has_answerability,
            beam_size=questions.beam_size,
            dropout=settings.classifier_dropout,
            loss_reduction=settings.loss_reduction,
            answerability_weight=questions.answerability_weight,
            doc_stride=questions.doc_stride,
            max_query_length=questions.max_query_length,
            max_answer_length=questions.max_answer_length,
            n_best_size=questions.n_best_size,
            null_threshold=questions.null_threshold,
            max_seq_length=settings.max_seq_length,
            vocabulary=self.tokenizer.fingerprint,
        )

    def encode(self, split):
        is_train = split == "train"
        examples, left_out = codec.encode(
            self.task.splits[split], self.model, self.tokenizer, is_train
        )
        if left_out:
            print(
                f"  {split}: {left_out} of {left_out + len(examples.questions)} "
                "questions are left out, whose answer does not stand where the file "
                "says"
            )
        if is_train and not len(examples):
            raise TaskError(f"no question of {split} can be trained on")
        return examples

    @property
    def num_training_examples(self):
        if self.model.head == "albert":
            return len(self.examples["train"].questions)
        return len(self.examples["train"])

    def outputs(self, network, features):
        return network(features, training=False)

    def predictions(self, split, outputs):
        """{question's id: Prediction}."""
        return codec.decode(self.examples[split], outputs, self.model)

    def scores(self, split, predictions):
        questions = self.task.splits[split]
        texts = {name: found.text for name, found in predictions.items()}
        if self.task.may_be_unanswerable:
            odds = {name: found.null_odds for name, found in predictions.items()}
            threshold = self.model.null_threshold
            scores = squad_metrics.score_v2(questions, texts, odds, threshold)
        else:
            scores = squad_metrics.score_v1(questions, texts)
        return {
            name: value if "thresh" in name else value / 100
            for name, value in scores.items()
            if not name.endswith("total")
        }

    def write(self, folder, predictions):
        """`dev.json` as the official script and the leaderboard take it.

        Beside it `dev_null_odds.json`, where questions may have no answer, and
        `dev_nbest.json`, the best answers with their probabilities.
        """
        folder, paths = Path(folder), {}
        folder.mkdir(parents=True, exist_ok=True)
        for split, found in predictions.items():
            paths[split] = folder / f"{split}.json"
            atomic_files.write_json(paths[split], self._final_texts(found))
            if self.task.may_be_unanswerable:
                odds = {name: value.null_odds for name, value in found.items()}
                atomic_files.write_json(folder / f"{split}_null_odds.json", odds)
            nbest = {
                name: [dataclasses.asdict(answer) for answer in value.answers]
                for name, value in found.items()
            }
            atomic_files.write_json(folder / f"{split}_nbest.json", nbest)
        return paths

    def plot(self, workdir, results):
        plots.plot_answers(workdir, self.task, results)

    def _final_texts(self, predictions):
        return {
            name: found.text
            if found.null_odds is None or found.null_odds <= self.model.null_threshold
            else ""
            for name, found in predictions.items()
        }
