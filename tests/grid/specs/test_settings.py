"""Settings: the paper's by default, the demo's on demand, the user's over both, mistakes all at once."""

import pytest

from grid.specs import settings as config
from manifests.problem import ProblemError


def test_the_papers_setting_is_the_default():
    found = config.load([], demo=False)
    assert (found.model.clip_length, found.model.height, found.model.width) == (16, 128, 192)
    train = found.train
    assert (train.iterations, train.micro_batch, train.accumulate) == (2500, 8, 25)
    assert (train.lr, train.weight_decay, train.validate_every) == (1e-3, 2e-7, 100)
    assert found.test.smoothing_sigma is None
    assert found.model.bn_momentum == 0.001


def test_the_users_word_is_last():
    found = config.load(["train.iterations=7", "seeds=[2,0]", "corpora.Mine.manifest=somewhere"], demo=True)
    assert found.train.iterations == 7
    assert found.seeds == (2, 0)
    assert found.corpora["Mine"].manifest == "somewhere"
    assert found.model.height == 64, "the demo's profile stays in force"


def test_all_mistakes_are_reported_together():
    with pytest.raises(ProblemError) as caught:
        config.load(["train.lrr=1", "train.iterations=many", "nonsense", "mdel.height=64"], demo=True)
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    assert "'train.lrr'. Did you mean train.lr?" in text
    assert "train.iterations: expected a value of the right type" in text
    assert "nonsense: expected key=value" in text
    assert "Did you mean model?" in text


@pytest.mark.parametrize(
    "override",
    [
        "model.height=50",
        "model.clip_length=12",
        "train.micro_batch=0",
        "train.lr=-1",
        "train.lr=nan",
        "train.weight_decay=-1",
        "test.smoothing_sigma=0",
        "model.bn_momentum=5",
        "model.fusion_gain=-1",
        "resources.train.cpu=0",
        "resources.loader_workers=-1",
        "seeds=[]",
        "seeds=[1,1]",
        "seeds=[-1]",
    ],
)
def test_impossible_values_are_problems(override):
    with pytest.raises(ProblemError, match=override.partition("=")[0]):
        config.load([override], demo=True)
