"""Procedural data sets that need no download, in the file layout of the real sets they stand in for."""
