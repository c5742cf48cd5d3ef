"""Windows of clips, as batches of tensors, and the split that is scored on."""
