"""Predictions of another shape than the model announces are told with both."""

from dataclasses import dataclass, replace

import pytest
import torch

from hd2s import build_model
from hd2s.approaches.contract import Learner, LearnerOptions
from hd2s.layers.features import Feature
from hd2s.models.answers import require_answer
from hd2s.models.contract import Prediction
from tests.hd2s.models.small_models import SMALL, micro_batch
from tests.hd2s.models.small_models import clips as small_clips
from tests.hd2s.models.toy_models import ToyConfig

CLIPS = torch.zeros(2, 3, 4, 6, 7)
MAP = torch.zeros(2, 1, 6, 7)


@dataclass(frozen=True)
class Featured(ToyConfig):
    @property
    def features(self):
        return {"1": Feature(8, 3, 3)}


def test_what_a_model_announces_is_taken():
    require_answer(Prediction(MAP, {"inner": MAP}), CLIPS, ToyConfig(frames=4))
    require_answer(Prediction(MAP), CLIPS, ToyConfig(frames=4, answers="middle"))
    require_answer(Prediction(torch.zeros(2, 4, 6, 7)), CLIPS, ToyConfig(frames=4, answers="every"))
    # As one at another size.
    require_answer(Prediction(MAP, features={"1": torch.zeros(2, 8, 9, 9)}), CLIPS, Featured(frames=4))


@pytest.mark.parametrize(
    ("prediction", "told"),
    [
        (MAP, "the model is to return a Prediction, found 'Tensor'"),
        (
            Prediction(torch.zeros(2, 2, 6, 7)),
            r"saliency is to have the shape \(2, 1, 6, 7\) of the last frame, found \(2, 2, 6, 7\)",
        ),
        (Prediction(MAP[:, 0]), r"found \(2, 6, 7\)"),
        (Prediction(MAP, {"inner": MAP[..., :3]}), r"inner is to have .* found \(2, 1, 6, 3\)"),
        (Prediction(MAP), r"features 1 is to have the shape \(2, 8, 3, 3\) of `config.features`, found None"),
        (Prediction(MAP, features={"1": torch.zeros(2, 4, 3, 3)}), r"found \(2, 4, 3, 3\)"),
    ],
)
def test_another_shape_is_told_with_both(prediction, told):
    with pytest.raises(ValueError, match=told):
        require_answer(prediction, CLIPS, Featured(frames=4))


def test_a_training_ends_at_its_first_micro_batch_where_maps_would_have_been_broadcast(monkeypatch):
    learner = Learner(build_model("hd2s", seed=0, **SMALL), LearnerOptions())
    right = learner.model(small_clips())
    twice = replace(right, saliency=right.saliency.expand(-1, 2, -1, -1))
    monkeypatch.setattr(learner.model, "forward", lambda clips, domain=None: twice)
    with pytest.raises(ValueError, match="saliency is to have the shape"):
        next(learner.losses([micro_batch()], [], None))
