"""What lasts of a grid: which files there are, what may stand in them, and who may write them.

`read` is imported on first use: no other module here needs pandas, nor what a plan is made of.
"""

from typing import Any

__all__ = ["DataFrames", "read"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'grid.results' has no attribute '{name}'")
    from grid.results import dataframes  # noqa: PLC0415

    return getattr(dataframes, name)
