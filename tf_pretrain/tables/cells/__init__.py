"""Cells, a row of a table with one seed: identified, run, and kept on disk."""
