"""The report: finished cells summed up, compared with the papers, and written."""
