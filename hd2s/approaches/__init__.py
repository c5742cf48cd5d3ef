"""How a model may use the source and the target domain: one file, one approach, found by its `APPROACH`."""
