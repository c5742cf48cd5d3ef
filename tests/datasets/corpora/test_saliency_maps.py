"""Whose rule maps are made by: the manifest's, or the adapter's where it does not say; never another's."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from datasets.corpora import registry
from datasets.corpora.dhf1k import CORPUS as DHF1K
from datasets.corpora.hollywood2 import CORPUS as HOLLYWOOD2
from datasets.corpora.ledov import CORPUS as LEDOV
from datasets.corpora.own_folder import FolderCorpus
from datasets.corpora.saliency_maps import MapReader, map_rule_of, map_rule_of_name, read_map
from datasets.corpus import MapRule
from datasets.indexing.index import index
from datasets.reading.ground_truth import fixations_to_map
from datasets.resizing import resize
from manifests import ProblemError, write
from tests.datasets.small_corpora import (
    HEIGHT,
    WIDTH,
    a_clip,
    four_digits,
    write_dhf1k,
    write_fixations,
    write_frames,
    write_ledov,
    write_png,
)

POINTS = np.array([[10, 20], [40, 60]], np.int16)
OWN = MapRule(sigma=3.0, reach=9, even=False, replicate=False)


class Ruled(FolderCorpus):
    """A folder whose curators have a rule of their own."""

    map_rule = OWN


class Unruled(FolderCorpus):
    """A folder whose curators ship maps, and have never said how they made them."""

    map_rule = None


def write_bare(root, n_clips=2):
    for clip in "abc"[:n_clips]:
        write_frames(root / "frames" / clip, four_digits(3))
        write_fixations(root / "fixations" / clip, four_digits(3))


def made(points, rule):
    return np.rint(fixations_to_map(points, 48, 64, rule) * 255).astype(np.uint8)


def test_shipped_maps_are_used_and_missing_ones_made(tmp_path):
    shipped = np.arange(64 * 48, dtype=np.uint32).reshape(48, 64).astype(np.uint8)
    write_png(tmp_path / "maps" / "0003.png", shipped)
    clip = a_clip(map_pattern="maps/{:04d}.png")
    assert np.array_equal(read_map(tmp_path, clip, 2), shipped)
    assert np.array_equal(read_map(tmp_path, clip, 2, (12, 16)), resize(shipped, (12, 16)))
    bare = a_clip(corpus="LEDOV")
    found = read_map(tmp_path, bare, 0, points=POINTS)
    assert found.dtype == np.uint8
    assert np.array_equal(found, made(POINTS, LEDOV.map_rule))
    assert np.array_equal(read_map(tmp_path, bare, 0, points=POINTS, rule=OWN), made(POINTS, OWN))
    with pytest.raises(ValueError, match="LEDOV/x ships no maps"):
        read_map(tmp_path, bare, 0)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("DHF1K", DHF1K.map_rule),
        ("Hollywood2", HOLLYWOOD2.map_rule),
        ("UCFSports", HOLLYWOOD2.map_rule),
        ("LEDOV", LEDOV.map_rule),
        ("Mine", FolderCorpus.map_rule),
    ],
)
def test_the_rules_of_the_corpora_are_pinned(name, rule):
    """Scores depend on every bit of them."""
    sigma, reach, even = {
        "DHF1K": ("0x1.97aca9ae881aep+3", 50, False),
        "Hollywood2": ("0x1.4p+4", 75, True),
        "UCFSports": ("0x1.4p+4", 75, True),
        "LEDOV": ("0x1.0fc8711f05674p+5", 100, False),
        "Mine": ("0x1.97aca9ae881aep+3", 50, False),
    }[name]
    assert map_rule_of_name(name) == rule == MapRule(float.fromhex(sigma), reach, even, even)


def test_a_manifest_says_the_rule_to_the_bit(tmp_path):
    write_ledov(tmp_path / "corpus", ["a", "b", "c"])
    manifest = index("ledov", tmp_path / "corpus", tmp_path / "m")
    assert manifest.map_rule == asdict(LEDOV.map_rule)
    assert map_rule_of(manifest) == LEDOV.map_rule


def test_a_manifest_needs_no_adapter_to_have_its_maps_made(tmp_path):
    write_bare(tmp_path / "corpus")
    manifest = index(Ruled("Elsewhere"), tmp_path / "corpus", tmp_path / "m")
    assert registry.find("Elsewhere") is None
    (clip, *_) = manifest.clips()
    points = manifest.fixations().frame(clip.clip, 0)
    assert np.array_equal(MapReader(manifest).read(clip, 0), made(points, OWN))
    assert [f for f in manifest.problems() if f.level == "error"] == []


def test_a_manifest_of_before_rules_were_written_down_takes_the_adapters(tmp_path):
    points = {"x": np.array([[0, 10, 20], [0, 40, 60]])}
    for name, rule in (("LEDOV", LEDOV.map_rule), ("Mine", FolderCorpus.map_rule)):
        old = write(tmp_path / name, name, tmp_path, [a_clip(corpus=name)], points)
        assert old.map_rule is None
        assert np.array_equal(MapReader(old).read(old.clips()[0], 0), made(POINTS, rule))


def test_without_a_rule_no_map_is_made(tmp_path):
    write_bare(tmp_path / "corpus")
    manifest = index(Unruled("Silent"), tmp_path / "corpus", tmp_path / "m")
    (error,) = [finding for finding in manifest.problems() if finding.level == "error"]
    assert (error.kind, error.found) == ("no-map-rule", "neither for 2: a, b")
    text = "maps of Silent: expected them shipped, or a rule to make them by, found neither"
    with pytest.raises(ProblemError, match=text):
        MapReader(manifest).read(manifest.clips()[0], 0)


def test_fixations_without_a_file_of_their_own_ask_for_a_rule_too(tmp_path):
    class NoPattern(Unruled):
        def read(self, root, entry):
            reading = super().read(root, entry)
            return replace(reading, clip=replace(reading.clip, fixation_pattern=""))

    write_bare(tmp_path / "corpus")
    manifest = index(NoPattern("Silent"), tmp_path / "corpus", tmp_path / "m")
    (error,) = [finding for finding in manifest.problems() if finding.level == "error"]
    assert (error.kind, error.found) == ("no-map-rule", "neither for 2: a, b")


def test_a_known_corpus_without_a_rule_is_not_given_another_ones(monkeypatch):
    monkeypatch.setattr(type(DHF1K), "map_rule", None)
    with pytest.raises(ProblemError, match="maps of DHF1K: expected them shipped, or a rule"):
        read_map("", a_clip(), 0, points=POINTS)


def test_shipped_maps_need_no_rule(tmp_path):
    write_bare(tmp_path / "corpus", 1)
    for i, name in enumerate(four_digits(3)):
        values = np.full((48, 64), i + 1, np.uint8)
        values[0, 0] = 0
        write_png(tmp_path / "corpus/maps/a" / f"{name}.png", values)
    manifest = index(Unruled("Silent"), tmp_path / "corpus", tmp_path / "m")
    assert manifest.problems() == []
    assert MapReader(manifest, (6, 8)).read(manifest.clips()[0], 2).tolist() == np.full((6, 8), 3).tolist()


def test_a_corpus_is_read_map_by_map(tmp_path):
    """LEDOV ships none: they are made of the split's own fixations. DHF1K's are as shipped, or a problem."""
    write_ledov(tmp_path / "ledov", ["a", "b", "c"])
    ledov = index("ledov", tmp_path / "ledov", tmp_path / "m1")
    reader = MapReader(ledov)
    for split in ("test", "train"):
        (clip,) = ledov.clips(split)
        points = ledov.fixations().frame(clip.clip, 4)
        assert np.array_equal(reader.read(clip, 4), made(points, LEDOV.map_rule))
    write_dhf1k(tmp_path / "dhf1k", 1)
    dhf1k = index("dhf1k", tmp_path / "dhf1k", tmp_path / "m2")
    (clip,) = dhf1k.clips()
    assert (MapReader(dhf1k, (6, 8)).read(clip, 3) == np.full((6, 8), 13)).all()
    (tmp_path / "dhf1k" / clip.map_path(3)).write_bytes(b"no image")
    with pytest.raises(ProblemError, match=r"DHF1K/0001 \(.*0004\.png\): expected an image that decodes"):
        MapReader(dhf1k).read(clip, 3)


def test_a_map_of_another_size_is_refused(tmp_path):
    write_png(tmp_path / "maps" / "1.png", np.zeros((HEIGHT, WIDTH + 2), np.uint8))
    clip = a_clip(map_pattern="maps/{:d}.png", n_frames=1)
    manifest = write(tmp_path / "m", "DHF1K", tmp_path, [clip], {})
    with pytest.raises(
        ProblemError, match=rf"1\.png\): expected {WIDTH}x{HEIGHT} .* found {WIDTH + 2}x{HEIGHT}"
    ):
        MapReader(manifest, (24, 32)).read(clip, 0)
