"""The model families, one to a file, and what they are built from."""
