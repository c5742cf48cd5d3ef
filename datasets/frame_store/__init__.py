"""Frames decoded once, at training size, on a bounded part of the disk."""
