"""The corpora: one file for each, named after its command-line word and holding its adapter, `CORPUS`.

Putting a file here is all that a new corpus needs.
"""
