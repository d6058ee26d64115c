"""The words of the pages: one file for each kind of page and language."""
