"""A grid made ready: its inputs found and its work planned."""
