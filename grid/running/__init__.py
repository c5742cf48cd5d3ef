"""A grid's work on Ray: what runs when and where."""
