"""One evaluation: a trained model on every frame of a test split."""
