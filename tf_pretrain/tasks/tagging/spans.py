"""Tags of words and the spans that they mark: IOB1, IOB2 and BIOES.

A span is (first word, last word, class). Two rules for tags that are not well formed
are known: that of ELECTRA's program (`tagging_utils.py` of the released code) and that
of the CoNLL evaluation script (Tjong Kim Sang and Buchholz, 2000). On well-formed tags
both give the same spans.
"""

RULES = ("electra", "conll")


def split_tag(tag: str) -> tuple[str, str]:
    """ "B-NP" -> ("B", "NP"); "O" -> ("O", "")."""
    prefix, _, name = tag.partition("-")
    return prefix, name


def spans_of_tags(tags, rule="electra") -> list[tuple[int, int, str]]:
    """The spans that tags mark, in order.

    Args:
        tags: One tag a word.
        rule: "electra": a span begins at B-, S- and at any other tag behind O, ends
            before B-, S- and O, and has the class of its last tag. "conll": a new class
            begins a new span as well, and E- and S- end one.
    """
    spans, first = [], None
    before = ("O", "")
    for i, tag in enumerate(tags):
        prefix, name = split_tag(tag)
        if first is not None and _ends(before, (prefix, name), rule):
            spans.append((first, i - 1, before[1]))
            first = None
        if prefix != "O" and first is None:
            first = i
        before = (prefix, name)
    if first is not None:
        spans.append((first, len(tags) - 1, before[1]))
    return spans


def _ends(before, tag, rule):
    """Whether a span ends between two tags of neighbouring words."""
    if tag[0] in ("B", "S", "O"):
        return True
    return rule == "conll" and (before[0] in ("E", "S") or before[1] != tag[1])


def bioes_tags(spans, num_words) -> list[str]:
    """Tags in the form that tells all borders: B-, I-, E-, S- (single word) and O."""
    tags = ["O"] * num_words
    for first, last, name in spans:
        if first == last:
            tags[first] = f"S-{name}"
            continue
        tags[first], tags[last] = f"B-{name}", f"E-{name}"
        for i in range(first + 1, last):
            tags[i] = f"I-{name}"
    return tags


def span_scores(gold, predicted) -> dict[str, float]:
    """Precision, recall and F1 over all sentences, in percent.

    Args:
        gold, predicted: A list of spans for each sentence.
    """
    pairs = list(zip(gold, predicted, strict=True))
    right = sum(len(set(a) & set(b)) for a, b in pairs)
    num_gold, num_predicted = sum(map(len, gold)), sum(map(len, predicted))
    if right == 0:
        return {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    precision, recall = 100 * right / num_predicted, 100 * right / num_gold
    f1 = 2 * precision * recall / (precision + recall)
    return {"precision": precision, "recall": recall, "f1": f1}
