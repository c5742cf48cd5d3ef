"""What every approach declares: how a model may use the source and the target domain.

An approach's file ends in `APPROACH = Approach(word, title, …)`. It works on any model that offers what the
approach `needs`; what happens in a training is its `Learner`'s (`hd2s.approaches.contract`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hd2s.models.config import Fault, ModelConfig
from hd2s.models.declaration import Model
from hd2s.registry import Later

Corpora = tuple[str, ...]
Need = Literal["features", "domains", "blocks"]
GREY = "#999999"
PLAIN_SUPERVISION = Later("hd2s.approaches.contract", "Learner")


def target_alone(sources: Corpora, target: str | None) -> Corpora:
    """Return the corpora of which a training sees the target alone."""
    del sources
    return (target,) if target else ()


@dataclass(frozen=True)
class Approach:
    """What data a training of this approach sees, what it needs and what it starts from.

    Attributes:
        word: the name in specs, ids and tags.
        title: the name in tables.
        labelled: (sources, target) -> the corpora whose maps supervise the training. The first of them
            also selects the weights, by its validation split (Sect. 4.2); without any, the first source.
        unlabelled: (sources, target) -> the corpora seen without their maps.
        learner: model and `LearnerOptions` -> the `Learner` that is trained; plain supervision as it is.
        around: a trained model -> the same inside what the approach leaves around it, as `Learner.result`
            returns it; None where nothing is.
        parent: the approach, trained on the sources alone, whose weights are the start; None for a
            fresh model.
        pools: takes all sources of a table together, instead of one at a time.
        needs_target: cannot do without a second domain.
        trained_as: the approach whose very training this is, on this one's `labelled` as sources, under
            another name in tables; empty for its own.
        needs: what it asks of the model: features to work on, layers of a domain's own, blocks in a row.
        needs_fixations: its losses are given the fixations of labelled batches, whatever the model needs.
        learns_smoothing: its result smooths its maps itself, so that no Gaussian follows in evaluation.
        options: sources -> what the model's configuration is given besides the settings.
        settings: a frozen dataclass of the approach's own settings, `approach.<word>.*`; None without any.
        misfits: its settings, the model's configuration -> which of the former cannot work with the latter,
            and what is expected of them.
        iterations: of an approach that looks at clips and learns by no gradient: its settings -> how many it
            takes; None for all others.
        keeps: which of the validated weights last: the "best", or the "last" of a training whose earlier
            ones are not finished, or whose validation cannot tell.
        further: words of other models that its trainings end with beside their result (`Learner.further`).
        follows_lambda: where it has unlabelled clips, the strength of an alignment (`train.lambda_max`)
            matters to it.
        colour: of its lines in charts, as "#rrggbb".
        improves_on: the approach that the significance table compares it with; empty for none.
        smallest_batch: clips that a micro-batch must have for a training step.
        trains: it takes steps; one that does not is for models without weights.
        training: settings `train.*` of its trainings, whatever the model: over those of the model's paper,
            and under the demo's, a table's and the user's. For what is trained in the model's place.
        of_protocol: training protocol → the settings that it stands for with this approach, whatever the
            model (`hd2s.approaches.protocol`).
    """

    word: str
    title: str
    labelled: Callable[[Corpora, str | None], Corpora] = lambda sources, target: sources
    unlabelled: Callable[[Corpora, str | None], Corpora] = lambda sources, target: ()
    learner: Callable[[Any, Any], Any] = PLAIN_SUPERVISION
    around: Callable[[Any], Any] | None = None
    parent: str | None = None
    pools: bool = False
    needs_target: bool = False
    trained_as: str = ""
    needs: frozenset[Need] = frozenset()
    needs_fixations: bool = False
    learns_smoothing: bool = False
    options: Callable[[Corpora], dict[str, Any]] = lambda sources: {}
    settings: type | None = None
    misfits: Callable[[Any, ModelConfig], Iterable[Fault]] = lambda settings, config: ()
    iterations: Callable[[Any], int] | None = None
    keeps: Literal["best", "last"] = "best"
    further: tuple[str, ...] = ()
    follows_lambda: bool = True
    colour: str = GREY
    improves_on: str = ""
    trains: bool = True
    smallest_batch: int = 1
    training: Mapping[str, Any] = field(default_factory=dict)
    of_protocol: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def lacking(self, model: Model, config: ModelConfig) -> list[Need]:
        """List what this approach needs and a model does not offer."""
        offered = {
            "features": bool(config.features),
            "domains": "domains" in model.options,
            "blocks": model.has_blocks,
        }
        return sorted(need for need in self.needs if not offered[need])
