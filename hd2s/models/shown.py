"""A model that looks at the clips of a corpus, which may have a size and a step of their own."""

from __future__ import annotations

from copy import copy

from hd2s.models.config import ModelConfig
from hd2s.models.contract import SaliencyModel


def as_shown(model: SaliencyModel, corpus: str) -> SaliencyModel:
    """Return a model with the input that a corpus' clips have (`ModelConfig.shown`), of the same weights."""
    return with_input(model, model.config.shown(corpus))


def with_input(model: SaliencyModel, config: ModelConfig) -> SaliencyModel:
    """Return a model with a configuration that differs in its input alone; its weights are these."""
    other = copy(model)
    other.config = config
    return other
