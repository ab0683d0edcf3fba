"""`TextMultipleChoice`: questions with options by Keras' fit and predict."""

import keras
import numpy as np

from tf_pretrain.errors import UserError
from tf_pretrain.interchange.finetuned_networks import MultipleChoiceConfig
from tf_pretrain.tasks.list_model import ListModel, check_lists, check_strings
from tf_pretrain.tasks.multiple_choice import codec
from tf_pretrain.tasks.multiple_choice.race_files import ChoiceQuestion


@keras.saving.register_keras_serializable("tf_pretrain")
class TextMultipleChoice(ListModel):
    """Chooses options: `fit((articles, questions, options), numbers)`, `predict`.

    `options` holds a list of strings for each question, all equally long. An option
    stands in place of each "_" of its question, or behind it. An article that is too
    long loses its end. TensorFlow backend only.

    Args:
        encoder: An Encoder, for example from `load_encoder`.
        tokenizer: The encoder's tokenizer, from `load_tokenizer`.
        max_seq_length: Most pieces of an article with question and option; at most the
            encoder's number of positions.
        settings: Other fields of `interchange.finetuned_networks.MultipleChoiceConfig`:
            head ("pooled", or "first_token" for an encoder without pooler), dropout,
            loss_reduction, max_choice_length. The defaults are ALBERT's for RACE.

    Raises:
        UserError: If a length or a list does not fit.
    """

    def __init__(
        self,
        encoder,
        tokenizer,
        max_seq_length,
        *,
        name="text_multiple_choice",
        **settings,
    ):
        config = MultipleChoiceConfig(
            task=name,
            encoder=encoder.config,
            max_seq_length=max_seq_length,
            **settings,
        )
        super().__init__(config, encoder, tokenizer, name)

    def predict(self, x) -> np.ndarray:
        """The probability of each option: float32 [questions, options].

        Args:
            x: Three lists (articles, questions, options).
        """
        examples = self._encode(x, None)
        logits = np.stack([row["logits"] for row in self._run(examples)])
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def _encode(self, x, y):
        if not isinstance(x, tuple) or len(x) != 3:
            raise UserError(
                "x is not a triple; expected a tuple (articles, questions, options)"
            )
        articles, questions, options = x
        numbers = [None] * len(articles) if y is None else y
        check_lists(
            articles=articles, questions=questions, options=options, numbers=numbers
        )
        check_strings("articles", articles)
        check_strings("questions", questions)
        for row, (values, number) in enumerate(zip(options, numbers, strict=True)):
            check_lists(**{f"options[{row}]": values, "options[0]": options[0]})
            check_strings(f"options[{row}]", values)
            if number is not None and not 0 <= int(number) < len(values):
                raise UserError(
                    f"numbers[{row}] is {number!r}; expected 0 to {len(values) - 1}"
                )
        asked = [
            ChoiceQuestion("", article, question, tuple(values), number)
            for article, question, values, number in zip(
                articles, questions, options, numbers, strict=True
            )
        ]
        return codec.encode(asked, self.config, self.tokenizer)


def load_multiple_choice(workdir) -> TextMultipleChoice:
    """Loads the network of a finished fine-tuning on multiple choice.

    Args:
        workdir: The workdir of `run_finetuning.py`.

    Raises:
        UserError: If it holds no finished run, or one of another kind of task.
    """
    return TextMultipleChoice.load(workdir, "multiple_choice", "text_multiple_choice")
