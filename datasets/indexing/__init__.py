"""A corpus read once, whole, into its manifest, and again as far as it has changed."""
