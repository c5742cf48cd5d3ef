"""Video saliency: models, approaches, losses, metrics, sliding-window prediction and weights.

The names below are imported on first use, so that the metrics, which need only NumPy, do not load PyTorch.
"""

from importlib import import_module

_HOMES = {
    "Prediction": "hd2s.models.contract",
    "build_model": "hd2s.models.registry",
    "export_weights": "hd2s.weights.checkpoints",
    "load_weights": "hd2s.weights.checkpoints",
    "save_weights": "hd2s.weights.checkpoints",
}

__all__ = list(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'hd2s' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
