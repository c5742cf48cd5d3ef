"""Settings by the keys that a command line gives them."""

import pytest

from grid.specs.dotted_keys import flatten, from_file, listed, references, spelled, with_references
from manifests.problem import ProblemError


def test_sections_become_single_settings_in_their_order():
    content = {"seeds": [0, 1], "train": {"lr": 0.1, "protocol": {"flip": None}}, "model": {"height": 64}}
    assert list(flatten(content).items()) == [
        ("seeds", [0, 1]),
        ("train.lr", 0.1),
        ("train.protocol.flip", None),
        ("model.height", 64),
    ]


def test_an_empty_section_has_no_settings():
    assert flatten({"train": {}, "model": {"domains": {}}}) == {}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("one", ("one",)),
        ("[one,two]", ("one", "two")),
        ("[one, two-words]", ("one", "two-words")),
        ("[]", ()),
        ("runs/my plugins", ("runs/my plugins",)),
    ],
)
def test_one_word_or_a_list_of_words(value, words):
    assert listed("model", value) == words


@pytest.mark.parametrize("value", ["[one", "${nowhere}"])
def test_what_is_no_list_is_a_problem_of_its_setting(value):
    with pytest.raises(ProblemError, match=r"model: expected a word, or words as \[one,two\]"):
        listed("model", value)


def test_a_file_says_what_a_command_line_would(tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text(
        "model: [hd2s, chance]\ntrain: {lr: 3e-4}\n"
        "storage.url: '${oc.env:PLACE}/a b'\nframes: {folder: Bücher}"
    )
    assert from_file(path) == [
        'model=["hd2s", "chance"]',
        "train.lr=0.0003",
        'storage.url="${oc.env:PLACE}/a b"',
        'frames.folder="Bücher"',
    ]
    with pytest.raises(ProblemError, match=r"--config .*absent\.yaml: expected a YAML file of settings"):
        from_file(tmp_path / "absent.yaml")


def test_numbers_and_words_of_a_file_mean_what_they_do_on_a_command_line(tmp_path):
    """YAML 1.1 takes them for 8, 100 and false; a key given twice had the last word without a word."""
    path = tmp_path / "lab.yaml"
    path.write_text("seeds: [010]\ntrain: {iterations: 1:40}\nframes: {folder: no}")
    assert from_file(path) == ['seeds=["010"]', 'train.iterations="1:40"', 'frames.folder="no"']
    path.write_text("train: {lr: 1e-3, lr: 1e-4}")
    with pytest.raises(ProblemError, match="lr is given twice"):
        from_file(path)
    path.write_text("- train")
    with pytest.raises(ProblemError, match="found list"):
        from_file(path)


def test_what_was_given_as_a_reference_is_written_as_one(monkeypatch):
    """It was written out resolved: into MLflow, REPRODUCE.md and the tables."""
    monkeypatch.setenv("LAB_STORE", "s3://bucket/of-the-lab")
    overrides = [
        "storage.url=${oc.env:LAB_STORE}/results",
        "corpora.DHF1K.root=${oc.env:LAB_STORE}/DHF1K",
        "model.hd2s.height=${oc.env:LAB_HEIGHT}",
        "model.backbone_weights=${oc.env:LAB_WEIGHTS}",
        "model=[hd2s]",
        "train.lr=0.1",
    ]
    assert references(overrides[:1] + overrides[-1:]) == {"storage.url": "${oc.env:LAB_STORE}/results"}
    settings = {
        "model": {"word": "hd2s", "options": {"height": 32, "width": 32}, "backbone_weights": "w.pt"},
        "storage": {"url": "s3://bucket/of-the-lab/results"},
        "corpora": {"DHF1K": {"root": "s3://bucket/of-the-lab/DHF1K", "manifest": "m"}},
        "train": {"lr": 0.1},
        "seeds": None,
    }
    told = with_references(settings, overrides)
    assert "of-the-lab" not in str(told)
    assert told["storage"] == {"url": "${oc.env:LAB_STORE}/results"}
    assert told["model"]["options"] == {"height": "${oc.env:LAB_HEIGHT}", "width": 32}
    assert told["model"]["backbone_weights"] == "${oc.env:LAB_WEIGHTS}"
    assert told["train"] == {"lr": 0.1}
    assert settings["storage"]["url"] == "s3://bucket/of-the-lab/results", "what is used stays"


def test_models_is_another_spelling_of_model():
    given = ["train.lr=1", "models=[hd2s,tased]", "model.height=64", "seeds=[0]"]
    assert spelled("command line", given) == ["train.lr=1", "model=[hd2s,tased]", *given[2:]]
    assert spelled("command line", ["models=hd2s", "models=[tased]"]) == ["model=hd2s", "model=[tased]"]
    assert spelled("command line", ["models", "models.height=64"]) == ["models", "models.height=64"]
    with pytest.raises(ProblemError, match=r"lab\.yaml: expected model=… or models=…, which are one, found"):
        spelled("lab.yaml", ["model=hd2s", "models=tased"])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("frames.folder=~/f", "frames.folder=HOME/f"),
        ("plugins=[~/a,~/b, '~/c']", "plugins=[HOME/a,HOME/b, 'HOME/c']"),
        ('plugins=["~/a"]', 'plugins=["HOME/a"]'),
        ("model.backbone_weights=/w/~/x~/y.pt", "model.backbone_weights=/w/~/x~/y.pt"),
        ("train.lr=~", "train.lr=~"),
    ],
)
def test_the_users_folder_stands_where_a_value_begins_with_it(given, expected, monkeypatch):
    monkeypatch.setenv("HOME", "/home/lab")
    assert spelled("command line", [given]) == [expected.replace("HOME", "/home/lab")]
