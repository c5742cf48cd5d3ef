"""Saliency maps of whole clips, with any model."""
