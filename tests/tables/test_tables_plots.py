"""The report's plots: a color for each family, and axes that say what they show."""

from tf_pretrain.tables.definitions import registry
from tf_pretrain.tables.report import plots


def test_a_family_has_one_color_and_its_rows_differ():
    names = ["ELECTRA", "All-Tokens MLM", "ELECTRA 15%", "BERT", "ALBERT, equal shape"]
    found = plots.styles(names)
    assert found["ELECTRA"]["color"] == found["ELECTRA 15%"]["color"] == "C0"
    assert found["BERT"] == {"color": "C1", "ls": "-"}
    assert plots.styles(names[::-1])["ALBERT, equal shape"]["color"] == "C2"
    assert len({tuple(style.values()) for style in found.values()}) == len(names)
    many = [f"row {number}" for number in range(9)]
    assert len({tuple(style.values()) for style in plots.styles(many).values()}) == 9


def test_axes_have_words():
    """No score of a table is drawn under the name of its key."""
    for table in registry.TABLES.values():
        for score in (*table.metrics, *filter(None, table.metrics.values())):
            assert "_" not in plots.label(score), (table.id, score)
    assert plots.label("held-out masked_lm_loss").endswith("nats")
