"""What lasts of a grid: which files there are, what may stand in them, and who may write them."""

from grid.results.dataframes import DataFrames, read

__all__ = ["DataFrames", "read"]
