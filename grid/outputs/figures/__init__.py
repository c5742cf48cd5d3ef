"""Figures of a grid's results, one file each; matplotlib lives only here."""
