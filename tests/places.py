"""Where the repository is, for tests that start its commands."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
