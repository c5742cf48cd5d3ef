"""How corpora lie on disk, and how clips become tensors.

This package shares its top-level name with Hugging Face's. Only the one in this repository is meant;
`grid` asserts it on the driver and on every worker.
"""
