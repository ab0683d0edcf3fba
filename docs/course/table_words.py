"""Every text in the generated tables, in English and Chinese."""

IN_TABLES = {}
