"""The corpora: one file for each, named after its command-line word and holding its adapter, `CORPUS`.

Putting a file here, or into a plug-in folder, is all that a new corpus needs.
"""
