"""MLflow: a view of the ledger, written by the driver alone."""

from grid.tracking.tracker import EXPERIMENT, Tracker

__all__ = ["EXPERIMENT", "Tracker"]
