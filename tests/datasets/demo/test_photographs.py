"""The demo's photographs: in the layouts of SALICON and MIT1003, and only where they are asked for."""

import numpy as np
import pytest

from datasets.corpora.registry import get
from datasets.demo import generate
from datasets.demo.backdrops import BACKDROPS
from datasets.demo.cast import takes
from datasets.demo.domains import MIT1003, PHOTOGRAPHS, SALICON
from datasets.demo.figures import FIGURES
from datasets.demo.layouts import write_clip
from datasets.demo.observers import watch
from datasets.demo.scene import stage
from datasets.indexing.index import index


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    roots = generate(folder, domains=PHOTOGRAPHS)
    return roots, {word: index(word, root, folder / "m" / word) for word, root in roots.items()}


def test_they_are_made_only_where_they_are_asked_for(demo_corpora, made):
    assert set(made[0]) == {"salicon", "mit1003", "mit300"}
    assert not set(demo_corpora) & set(made[0])


@pytest.mark.parametrize("domain", PHOTOGRAPHS, ids=lambda domain: domain.word)
def test_adapters_read_every_photograph_as_it_was_made(domain, made):
    manifest = made[1][domain.word]
    assert (manifest.corpus, manifest.quarantined) == (domain.name, 0)
    read = {clip.clip: clip for clip in manifest.clips()}
    cast = {take.clip: take for take in takes(domain, seed=0)}
    assert read.keys() == cast.keys()
    fixations = manifest.fixations()
    for name, take in cast.items():
        clip = read[name]
        assert (clip.media, clip.n_frames, clip.split) == ("image", 1, take.split)
        assert (clip.width, clip.height) == (take.width, take.height)
        gaze = watch(domain, stage(domain, take, 0), 0)
        seen = gaze.recorded & (gaze.start < 3000)
        places = set(zip(gaze.y[seen].astype(int).tolist(), gaze.x[seen].astype(int).tolist(), strict=True))
        assert set(map(tuple, fixations.of(name)[1].tolist())) == (
            places if take.split != "unannotated" else set()
        )


@pytest.mark.parametrize("domain", PHOTOGRAPHS, ids=lambda domain: domain.word)
def test_a_photograph_made_alone_is_byte_identical(domain, made, tmp_path):
    write_clip(domain, takes(domain, seed=0)[1], tmp_path, seed=0)
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == (1 if domain.word == "mit300" else 3)
    for file in files:
        assert (tmp_path / file).read_bytes() == (made[0][domain.word] / file).read_bytes(), file


@pytest.mark.parametrize("domain", PHOTOGRAPHS, ids=lambda domain: domain.word)
def test_a_domain_is_named_as_its_corpus_and_made_of_what_there_is(domain):
    assert get(domain.word).name == domain.name
    assert domain.backdrop in BACKDROPS
    assert domain.figure in FIGURES


def test_mit1003_is_upright_and_broad_and_salicon_of_one_size():
    assert len({(take.width, take.height) for take in takes(SALICON, seed=0)}) == 1
    shapes = {np.sign(take.width - take.height) for take in takes(MIT1003, seed=0)}
    assert shapes == {-1, 1}
