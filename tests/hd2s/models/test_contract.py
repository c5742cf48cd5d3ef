"""What all models have in common; and that nothing outside a model's own place knows that model."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from hd2s.layers.folded import Casting
from hd2s.losses import kld_terms
from hd2s.models.contract import Prediction, SaliencyModel
from hd2s.models.declaration import Model, WeightLayout
from hd2s.models.registry import models
from tests.hd2s.models.plain_losses import plain_kld
from tests.hd2s.models.toy_models import TOY, ToyConfig, declared
from tests.places import REPOSITORY


def maps_of(*names, answers=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (3, answers, 6, 5)
    return {name: torch.rand(shape, generator=generator, dtype=torch.float64) + 0.05 for name in names}


def plain_mean(found, truth):
    """KLD of every map by itself, averaged over clips and answered frames."""
    pairs = zip(found.flatten(0, 1).numpy(), truth.flatten(0, 1).numpy().astype(float), strict=True)
    values = [plain_kld(p, g) for p, g in pairs]
    return sum(values) / len(values)


@pytest.fixture
def truth():
    return torch.randint(0, 256, (3, 2, 6, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_terms_are_the_klds_of_every_map_averaged_over_clips_and_answered_frames(truth):
    outputs = maps_of("saliency", "level")
    found = kld_terms(outputs, truth)
    assert list(found) == ["kld/saliency", "kld/level"]
    for name, maps in outputs.items():
        assert found[f"kld/{name}"].item() == pytest.approx(plain_mean(maps, truth), rel=1e-12)


def test_by_default_a_model_is_supervised_by_all_its_maps(truth):
    outputs = maps_of("saliency", "shallow", "deep")
    saliency = outputs.pop("saliency")
    prediction, model = Prediction(saliency, outputs), declared(TOY)
    assert list(model.losses(prediction, truth)) == ["kld/saliency", "kld/shallow", "kld/deep"]
    alone = model.losses(prediction, truth, auxiliary=False)
    assert {name: term.item() for name, term in alone.items()} == pytest.approx(
        {"kld/saliency": plain_mean(saliency, truth)}, rel=1e-12
    )


def test_bytes_become_numbers_from_minus_one_to_one():
    clips = torch.randint(0, 256, (2, 4, 5, 6, 3), dtype=torch.uint8)
    out = declared(TOY).normalise(clips)
    assert out.shape == (2, 3, 4, 5, 6)
    assert out.dtype == torch.float32
    assert out.is_contiguous(memory_format=torch.channels_last_3d)
    assert out[1, 2, 3, 4, 5] == pytest.approx((2 * int(clips[1, 3, 4, 5, 2]) - 255) / 255, abs=1e-7)
    extremes = declared(TOY).normalise(torch.tensor([0, 255, 255], dtype=torch.uint8).view(1, 1, 1, 1, 3))
    assert extremes.flatten().tolist() == [-1, 1, 1]


@pytest.mark.parametrize(
    "wrong", [torch.zeros(1, 2, 3, 4, 3), torch.zeros(2, 3, 4, 3).byte(), torch.zeros(1, 3, 2, 3, 4).byte()]
)
def test_what_is_no_clips_is_refused(wrong):
    with pytest.raises(ValueError, match=r"uint8 \(B, T, H, W, 3\)"):
        declared(TOY).normalise(wrong)


def test_by_default_all_parameters_are_trained_alike_and_windows_are_the_only_way():
    model = declared(replace(TOY, build=WithParameters))
    (group,) = model.parameter_groups()
    assert [id(p) for p in group.parameters] == [id(p) for p in model.parameters()]
    assert (group.lr, group.weight_decay, group.frozen) == (1, 1, 0)
    assert list(model.blocks()) == []
    assert model.stream(Casting(torch.device("cpu"), torch.float32, None)) is None
    assert not model.learns_smoothing


class WithParameters(SaliencyModel):
    def __init__(self, config: ToyConfig):
        super().__init__(config)
        self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 1)


def test_what_a_model_does_not_do_is_said():
    with pytest.raises(NotImplementedError):
        WithParameters(ToyConfig())(torch.zeros(1))


def test_a_declaration_lists_options_and_what_a_training_may_start_from():
    whole, start = (
        WeightLayout(word, word, f"{word}.", names=lambda model: {}, fills=word == "whole")
        for word in ("whole", "start")
    )
    declaration = replace(TOY, layouts=(whole, start))
    assert declaration.options == ["frames", "height", "width", "step", "answers", "learnt", "photograph"]
    assert declaration.starts_from == [start]


@pytest.mark.parametrize("model", models().values(), ids=models())
def test_every_model_answers_the_contracts_questions(model: Model):
    config = model.config()
    assert config.input.frames >= 1
    assert config.input.answers in ("last", "middle", "every")
    assert next(iter(model.prediction)) == "paper"
    known = {f"model.{option}" for option in model.options}
    asked = {name for name in {**model.settings, **model.demo} if name.startswith("model.")}
    assert asked <= known
    model.config(**{k.removeprefix("model."): v for k, v in model.demo.items() if k in known})
    for options in (*model.aliases.values(), *map(model.options_of, model.of_protocol)):
        model.config(**options)


# What only HD2S's own folder may say; the reader of old checkpoints has the names that they have.
PRIVATE = re.compile(
    r"HD2SConfig|FastHD2S|hd2s_da|hd2s_dsl|featureExtractor|ConspicuityNet|isinstance\(\s*model\b"
    r"|hd2s\.models\.hd2s\b"
)
MAY_KNOW = ("hd2s/models/hd2s/", "hd2s/weights/older.py")


def words_of_models() -> set[str]:
    """Return every name of a model or of a layout of weights."""
    found = models().values()
    return {name for model in found for name in (model.word, *model.aliases)} | {
        layout.word for model in found for layout in model.layouts
    }


def compared(source: str, words: set[str]) -> set[str]:
    """Return which words a module compares something with."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare | ast.MatchValue):
            constants = (each for each in ast.walk(node) if isinstance(each, ast.Constant))
            found |= {each.value for each in constants if isinstance(each.value, str)}
    return found & words


def sources() -> dict[str, str]:
    """Return place → text of every module that may not know a model."""
    rooms = ("manifests", "hd2s", "datasets", "grid")
    files = [*REPOSITORY.glob("*.py"), *(f for room in rooms for f in (REPOSITORY / room).rglob("*.py"))]
    named = {file.relative_to(REPOSITORY).as_posix(): file for file in files}
    return {name: text(file) for name, file in named.items() if not name.startswith(MAY_KNOW)}


def text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def test_no_module_but_a_models_own_names_its_parts():
    found = {name: PRIVATE.findall(source) for name, source in sources().items()}
    assert len(found) > 100
    assert {name: words for name, words in found.items() if words} == {}


def test_no_module_compares_anything_with_the_word_of_a_model_or_a_layout():
    words = words_of_models()
    assert {"hd2s", "hd2s_dsl", "centre_prior", "kinetics", "torchvision", "published"} <= words
    found = {name: compared(source, words) for name, source in sources().items()}
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize(
    ("source", "breach"),
    [
        ('if model.word == "hd2s": pass', {"hd2s"}),
        ('if "kinetics" != layout: pass', {"kinetics"}),
        ('found = [x for x in y if x.word in ("published", "kinetics")]', {"published", "kinetics"}),
        ('match word:\n    case "hd2s": pass', {"hd2s"}),
        ('DEFAULT_MODEL = "hd2s"', set()),
        ('if corpus == "dhf1k": pass', set()),
    ],
)
def test_a_comparison_is_found(source, breach):
    assert compared(source, words_of_models()) == breach


@pytest.mark.parametrize(
    "source",
    [
        "from hd2s.models.hd2s.model import HD2S",
        "if isinstance(model, Toy): pass",
        "import hd2s.models.hd2s as x",
        'prefix = "featureExtractor."',
    ],
)
def test_a_private_name_is_found(source):
    assert PRIVATE.search(source)


def test_a_state_that_a_model_does_not_go_on_from_is_told():
    """Put around a model that remembers frames, it forgot them without a word."""
    model = declared(TOY, answers="every")
    clips = torch.zeros(1, 3, 16, 6, 7)
    with (
        torch.no_grad(),
        pytest.raises(ValueError, match="OrderSensitive is to have an `answer` that goes on"),
    ):
        model.answer(clips, state=clips)
