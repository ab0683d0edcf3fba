"""What each table is: its rows, their configs, and the papers' printed numbers."""
