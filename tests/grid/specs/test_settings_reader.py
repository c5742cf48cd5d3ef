"""Settings as they lie over each other, for each of a grid's models, and every mistake at once."""

from dataclasses import dataclass, replace

import pytest

from grid.specs.settings_reader import configure, load, read, wanted_models
from hd2s.approaches import registry as approaches
from hd2s.approaches.declaration import Approach
from hd2s.models import registry as models
from hd2s.models.centre_prior import MODEL
from manifests.problem import ProblemError

TWO = ("hd2s", "centre_prior")


def test_the_users_word_is_last():
    found = load(["train.iterations=7", "seeds=[2,0]", "corpora.Mine.manifest=somewhere"], demo=True)
    assert found.train.iterations == 7
    assert found.seeds == (2, 0)
    assert found.corpora["Mine"].manifest == "somewhere"
    assert found.model.config.height == 64, "the model's demo stays in force"
    assert found.train.validate_every == 10, "and the profile's"


def test_all_mistakes_are_reported_together():
    with pytest.raises(ProblemError) as caught:
        load(["train.lrr=1", "train.iterations=many", "nonsense", "mdel.height=64"], demo=True)
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    assert "'train.lrr'. Did you mean train.lr?" in text
    assert "train.iterations: expected a value of the right type" in text
    assert "nonsense: expected key=value" in text
    assert "Did you mean model?" in text


def test_a_wrong_value_is_told_without_names_of_what_reads_it():
    with pytest.raises(ProblemError) as caught:
        load(["train.lr=quick", "seeds=[a]", "resources.train.cpu=${train.none}"], demo=True)
    text = str(caught.value)
    assert "train.lr: expected a value of the right type, found Value 'quick' of type 'str' could not" in text
    assert len(caught.value.problems) == 3
    assert not any(word in text for word in ("full_key", "object_type", "reference_type"))


def test_a_mistake_is_told_beside_settings_of_several_values():
    given = ["seeds=[0,1]", "plugins=[one,two]", "model.conspicuity=[4]", "train.lrr=1"]
    with pytest.raises(ProblemError, match=r"'train.lrr'. Did you mean train.lr\?"):
        load(given, demo=False)


def test_what_can_be_read_is_read_beside_the_mistakes():
    found = read(["train.lrr=1", "train.lr=0.5", "model.height=50", "corpora.Mine.root=here"], demo=True)
    assert found.config.train.lr == 0.5
    assert found.config.model.config.height == 128, "nothing can be built with what is asked for"
    assert found.overrides == ["train.lr=0.5"]
    assert [problem.where for problem in found.problems] == [
        "settings",
        "corpora.Mine.manifest",
        "model.height",
    ]


@dataclass(frozen=True)
class Strength:
    """An approach's own settings."""

    weight: float = 0.5
    every: int = 1

    def __post_init__(self):
        if self.weight < 0:
            raise ValueError("a weight must not be negative")


@pytest.fixture
def plugged_in(monkeypatch):
    """A model with a paper of its own, and an approach with settings of its own, for one test."""
    own = replace(
        MODEL,
        word="own",
        settings={"train.optimiser": "sgd", "train.lr": 0.1, "model.height": 32, "test.smoothing_sigma": 3.0},
        demo={"train.lr": 0.2, "model.width": 32},
        trains=True,
    )
    monkeypatch.setitem(models.MODELS.plugged_in, "own", own)
    approach = Approach(word="two-words", title="Two words", settings=Strength)
    monkeypatch.setitem(approaches.APPROACHES.plugged_in, "two-words", approach)


@pytest.mark.usefixtures("plugged_in")
def test_a_models_paper_lies_under_the_table_the_user_and_the_row():
    own = load([], demo=False, model="own")
    assert (own.train.optimiser, own.train.lr, own.model.config.height) == ("sgd", 0.1, 32)
    assert own.train.iterations == load([], demo=False).train.iterations, "what it does not say is as ever"
    under, user, over = ["train.lr=0.3", "train.momentum=0.5"], ["train.lr=0.4"], ["train.lr=0.5"]
    rates = [
        configure(by_user, table, row, demo=False, model="own").train.lr
        for by_user, table, row in (([], under, []), (user, under, []), (user, under, over))
    ]
    assert rates == [0.3, 0.4, 0.5]
    assert configure(user, under, [], demo=False, model="own").train.momentum == 0.5


@pytest.mark.parametrize("model", ["hd2s", "tased", "unisal"])
def test_what_an_approach_is_trained_with_lies_over_the_models_paper_and_under_the_user(model):
    own = load([], demo=False, model=model, approach="calibration").train
    assert (own.optimiser, own.lr, own.momentum, own.lr_decay) == ("adam", 1e-3, 0.0, 1.0)
    assert (own.weight_decay, list(own.lr_milestones)) == (2e-7, [])
    asked = load(["train.lr=0.5"], demo=False, model=model, approach="calibration").train
    assert (asked.optimiser, asked.lr) == ("adam", 0.5)
    network = models.models()[model].settings["train.lr"]
    assert load([], demo=False, model=model, approach="transfer").train.lr == network


@pytest.mark.usefixtures("plugged_in")
def test_a_demo_lies_over_the_paper_and_the_models_own_demo_over_the_profile():
    own = load([], demo=True, model="own")
    assert (own.train.lr, own.model.config.width) == (0.2, 32), "its own demo"
    assert own.train.iterations == 40, "the profile's, which no paper overrules"
    assert (own.train.optimiser, own.model.config.height) == ("sgd", 32), "its paper's, where no demo speaks"
    assert load([], demo=True).train.optimiser == "adam"


@pytest.mark.usefixtures("plugged_in")
@pytest.mark.parametrize("key", ["train.rate", "model.depth", "train.iterations"])
def test_a_models_file_that_asks_for_what_there_is_not_is_told(monkeypatch, key):
    wrong = replace(models.models()["own"], settings={key: "many"})
    monkeypatch.setitem(models.MODELS.plugged_in, "own", wrong)
    with pytest.raises(ProblemError, match=f"{key} of model own or its approach: .*Correct its file"):
        load([], demo=False, model="own")


def test_a_setting_of_one_of_several_models_leaves_the_others_alone():
    overrides = ["model.hd2s.height=96", "model.centre_prior.height=32", "model.width=64"]
    sizes = {word: load(overrides, demo=False, model=word, among=TWO).model.config.input.size for word in TWO}
    assert sizes == {"hd2s": (96, 64), "centre_prior": (32, 64)}


def test_a_setting_that_only_one_of_several_models_has_is_no_mistake_of_the_others():
    override = ["model.bn_momentum=0.5"]
    assert load(override, demo=False, model="hd2s", among=TWO).model.config.bn_momentum == 0.5
    assert load(override, demo=False, model="centre_prior", among=TWO) == load(
        [], demo=False, model="centre_prior"
    )
    with pytest.raises(ProblemError, match=r"'model.bn_momentum'. Available: .*model.height"):
        load(override, demo=False, model="centre_prior", among=("centre_prior", "chance"))


def test_a_setting_that_no_model_has_is_told_by_each_of_them():
    for word in TWO:
        with pytest.raises(ProblemError, match=r"'model.hight'. Did you mean model.height\?"):
            load(["model.hight=64"], demo=False, model=word, among=TWO)
    with pytest.raises(ProblemError, match=r"'model.hight'. Did you mean model.height\?"):
        load(["model.hd2s.hight=64"], demo=False, model="hd2s", among=TWO)


def test_the_corpora_of_layers_are_the_approachs_to_give():
    with pytest.raises(ProblemError, match=r"'model.domains'"):
        load(["model.domains=[DHF1K]"], demo=False)


@pytest.mark.usefixtures("plugged_in")
def test_an_approach_has_settings_of_its_own():
    assert load([], demo=False).approach["two-words"] == Strength()
    found = load(["approach.two-words.weight=2", "approach.two-words.every=3"], demo=False)
    assert found.approach["two-words"] == Strength(2.0, 3)
    with pytest.raises(ProblemError) as caught:
        load(["approach.two-words.wait=2", "approach.two-words.every=x", "approach.none.a=1"], demo=False)
    text = str(caught.value)
    assert "'approach.two-words.wait'. Did you mean approach.two-words.weight?" in text
    assert "approach.two-words.every: expected a value of the right type" in text
    assert "'approach.none.a'" in text
    with pytest.raises(ProblemError, match=r"approach.two-words: .*a weight must not be negative"):
        load(["approach.two-words.weight=-1"], demo=False)


def test_a_command_line_may_name_the_models():
    assert wanted_models(["train.lr=1", "model.height=64"]) is None
    assert wanted_models(["model=chance"]) == ("chance",)
    assert wanted_models(["model=chance", "model=[hd2s,centre_prior,hd2s]"]) == TWO, "the last word counts"
    with pytest.raises(ProblemError, match=r"model: expected a known model, found 'hds2'. Did you mean hd2s"):
        wanted_models(["model=[hds2,chance]"])
    with pytest.raises(ProblemError, match="model: expected a model, or several, found none"):
        wanted_models(["model=[]"])
    assert load(["model=chance"], demo=False, model="chance").model.word == "chance"


def test_what_refers_to_the_environment_is_followed_each_time(monkeypatch):
    for rate in ("0.25", "0.5"):
        monkeypatch.setenv("HD2S_TEST_RATE", rate)
        assert load(["train.lr=${oc.env:HD2S_TEST_RATE}"], demo=False).train.lr == float(rate)


def test_what_a_reading_lists_is_its_callers_own():
    first = read(["train.lrr=1"], demo=False)
    first.problems.clear()
    assert read(["train.lrr=1"], demo=False).problems
