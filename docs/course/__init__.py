"""The course chapter: two pages, and the code that fills their blocks."""
