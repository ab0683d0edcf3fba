"""`TextQuestionAnswerer`: answers to questions by Keras' fit and predict."""

import keras

from tf_pretrain.errors import UserError
from tf_pretrain.interchange.finetuned_networks import QuestionAnswererConfig
from tf_pretrain.tasks.list_model import ListModel, check_lists, check_strings
from tf_pretrain.tasks.question_answering import codec
from tf_pretrain.tasks.question_answering.codec import Prediction
from tf_pretrain.tasks.question_answering.squad_files import Answer, Question


@keras.saving.register_keras_serializable("tf_pretrain")
class TextQuestionAnswerer(ListModel):
    """Finds answers in texts: `fit((questions, contexts), answers)`, `predict`.

    Contexts may have any length, because they are read in windows. An answer is a pair
    (text, place of its first character in the context), or None where the context holds
    no answer. Questions whose answer does not stand at its place are left out of
    training, as the papers' programs do. TensorFlow backend only.

    Args:
        encoder: An Encoder, for example from `load_encoder`.
        tokenizer: The encoder's tokenizer, from `load_tokenizer`.
        max_seq_length: Most pieces of a window with its question; at most the encoder's
            number of positions.
        settings: Other fields of `interchange.finetuned_networks.
            QuestionAnswererConfig`, such as head, doc_stride and may_be_unanswerable.
            The defaults are ELECTRA's for SQuAD 2.0.

    Raises:
        UserError: If max_seq_length or a list does not fit.
    """

    def __init__(
        self,
        encoder,
        tokenizer,
        max_seq_length,
        *,
        name="text_question_answerer",
        **settings,
    ):
        config = QuestionAnswererConfig(
            task=name,
            encoder=encoder.config,
            max_seq_length=max_seq_length,
            **settings,
        )
        super().__init__(config, encoder, tokenizer, name)

    def predict(self, x) -> list[Prediction]:
        """The best answers to each question.

        Args:
            x: A pair of lists (questions, contexts).

        Returns:
            For each question its `text` (the best answer), `null_odds` (high if there
            is no answer; None if all questions have one) and `answers`, the best first,
            each with `text`, `start`, `end` (characters of the context) and
            `probability`.
        """
        questions = self._questions(*_pair(x))
        examples, _ = codec.encode(questions, self.config, self.tokenizer, False)
        found = codec.decode(examples, self._run(examples), self.config)
        return [found[question.id] for question in questions]

    def predict_texts(self, x) -> list[str]:
        """The answer to each question; "" where there is likely none.

        Args:
            x: A pair of lists (questions, contexts).
        """
        return [
            found.text
            if found.null_odds is None or found.null_odds <= self.config.null_threshold
            else ""
            for found in self.predict(x)
        ]

    def _outputs(self, features):
        return self.network(features)

    def _encode(self, x, y):
        questions, contexts = _pair(x)
        check_lists(questions=questions, answers=y)
        answers = [_answer(row, value) for row, value in enumerate(y)]
        if not self.config.may_be_unanswerable and None in answers:
            row = answers.index(None)
            raise UserError(f"answers[{row}] is None, but may_be_unanswerable is False")
        asked = self._questions(questions, contexts, answers)
        return codec.encode(asked, self.config, self.tokenizer, True)[0]

    def _questions(self, questions, contexts, answers=None):
        check_lists(questions=questions, contexts=contexts)
        check_strings("questions", questions)
        check_strings("contexts", contexts)
        answers = answers or [None] * len(questions)
        return [
            Question(
                str(row), question, context, (answer,) if answer else (), not answer
            )
            for row, (question, context, answer) in enumerate(
                zip(questions, contexts, answers, strict=True)
            )
        ]


def _pair(x):
    if not isinstance(x, tuple) or len(x) != 2:
        raise UserError("x is not a pair; expected a tuple (questions, contexts)")
    return x


def _answer(row, value):
    if value is None:
        return None
    if not isinstance(value, tuple | list) or list(map(type, value)) != [str, int]:
        raise UserError(
            f"answers[{row}] is {value!r}; expected (text, place of its first "
            "character), or None for no answer"
        )
    return Answer(*value)


def load_question_answerer(workdir) -> TextQuestionAnswerer:
    """Loads the network of a finished fine-tuning on questions about texts.

    Args:
        workdir: The workdir of `run_finetuning.py`.

    Raises:
        UserError: If it holds no finished run, or one of another kind of task.
    """
    return TextQuestionAnswerer.load(
        workdir, "question_answerer", "text_question_answerer"
    )
