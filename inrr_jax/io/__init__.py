"""The files of a run: its work directory, its table of results, its metrics and other JSON files."""
