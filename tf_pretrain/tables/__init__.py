"""The comparison tables of both papers as commands: `python -m tf_pretrain.tables`."""
