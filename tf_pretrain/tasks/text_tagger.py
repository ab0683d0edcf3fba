"""`TextTagger`: tags of words by Keras' fit and predict."""

import keras

from tf_pretrain.errors import UserError
from tf_pretrain.interchange.finetuned_networks import TaggerConfig
from tf_pretrain.tasks.list_model import ListModel, check_lists, check_strings
from tf_pretrain.tasks.tagging import codec
from tf_pretrain.tasks.tagging.features import encode_parts
from tf_pretrain.tasks.tagging.spans import bioes_tags, spans_of_tags


@keras.saving.register_keras_serializable("tf_pretrain")
class TextTagger(ListModel):
    """Tags words: `fit(sentences, tags)`, `predict(sentences)`.

    A sentence is a list of words, or a string that is divided at white space. Tags are
    a list for each sentence, in IOB1, IOB2 or BIOES; they are learned, and predicted,
    in BIOES. In training a sentence that is too long loses its end; in `predict` it is
    read in several inputs. TensorFlow backend only.

    Args:
        encoder: An Encoder, for example from `load_encoder`.
        tokenizer: The encoder's tokenizer, from `load_tokenizer`.
        max_seq_length: Most pieces of a sentence; at most the encoder's number of
            positions.
        class_names: The classes of spans, such as "PER" and "LOC"; or all tags in
            BIOES, with "O" among them.
        settings: Other fields of `interchange.finetuned_networks.TaggerConfig`:
            loss_reduction, span_rule. The defaults are ELECTRA's.

    Raises:
        UserError: If max_seq_length or a list does not fit, or a tag is not known.
    """

    def __init__(
        self,
        encoder,
        tokenizer,
        max_seq_length,
        class_names,
        *,
        name="text_tagger",
        **settings,
    ):
        if "O" not in class_names:
            names = [f"{prefix}-{name}" for name in class_names for prefix in "BIES"]
            class_names = sorted([*names, "O"])
        config = TaggerConfig(
            task=name,
            encoder=encoder.config,
            max_seq_length=max_seq_length,
            class_names=tuple(class_names),
            **settings,
        )
        super().__init__(config, encoder, tokenizer, name)

    def predict(self, x) -> list[list[str]]:
        """The tags of the words of each sentence, in BIOES."""
        sentences = _sentences(x)
        length = self.config.max_seq_length
        inputs = encode_parts(self.tokenizer, sentences, length)
        labels = [each.positions * 0 for each in inputs]
        examples = codec.TaggedExamples(inputs, labels, self.config.segment_id)
        parts = [[None] * len(each.positions) for each in inputs]
        tags = codec.decode(parts, examples, self._run(examples), self.config)
        flat = iter(tag for part in tags for tag in part)
        return [[next(flat) for _ in sentence] for sentence in sentences]

    def predict_spans(self, x) -> list[list[tuple[int, int, str]]]:
        """The spans of each sentence: (first word, last word, class)."""
        return [spans_of_tags(tags, self.config.span_rule) for tags in self.predict(x)]

    def _encode(self, x, y):
        sentences = _sentences(x)
        check_lists(sentences=sentences, tags=y)
        known = set(self.config.class_names)
        converted = []
        for row, (words, tags) in enumerate(zip(sentences, y, strict=True)):
            check_lists(**{f"sentences[{row}]": words, f"tags[{row}]": tags})
            check_strings(f"tags[{row}]", tags)
            spans = spans_of_tags(tags, self.config.span_rule)
            converted.append(bioes_tags(spans, len(words)))
            unknown = set(converted[-1]) - known
            if unknown:
                raise UserError(
                    f"tags[{row}] has {min(unknown)!r} (in BIOES), which is not among "
                    f"the tags {', '.join(sorted(known))}"
                )
        return codec.encode(sentences, converted, self.config, self.tokenizer)


def _sentences(x):
    check_lists(sentences=x)
    sentences = [each.split() if isinstance(each, str) else each for each in x]
    for row, words in enumerate(sentences):
        check_strings(f"sentences[{row}]", words)
    return sentences


def load_tagger(workdir) -> TextTagger:
    """Loads the network of a finished fine-tuning on tags.

    Args:
        workdir: The workdir of `run_finetuning.py`.

    Raises:
        UserError: If it holds no finished run, or one of another kind of task.
    """
    return TextTagger.load(workdir, "tagger", "text_tagger")
