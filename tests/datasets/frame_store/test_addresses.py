"""Names of arrays: pinned, since all would be decoded again under others; other for maps made otherwise."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.corpora.own_folder import FolderCorpus
from datasets.frame_store.addresses import Addresses, kinds_of
from datasets.frame_store.checksummed import file_size
from datasets.frame_store.store import FrameStore
from datasets.indexing.index import index
from datasets.resizing import DEFAULT_RESIZING, RESIZINGS, framed
from manifests import ProblemError, write
from tests.datasets.small_corpora import a_clip, four_digits, write_fixations, write_frames, write_png

SIZE = (24, 32)
RULE = {"sigma": 3.0, "reach": 9, "even": False, "replicate": False}
DHF1K_RULE = {"sigma": float.fromhex("0x1.97aca9ae881aep+3"), "reach": 50, "even": False, "replicate": False}
BARE = a_clip(corpus="Mine", clip="a b/é", content="abc")


def addresses(folder, clip, rule=None, rows=(), layout="", *, code=""):
    fixations = {clip.clip: np.array(rows, np.int32).reshape(-1, 3)}
    told = {"map_rule": rule, "layout": layout, "code": code}
    manifest = write(folder / "m", clip.corpus, folder, [clip], fixations, **told)
    return Addresses(manifest, SIZE)


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        (
            a_clip(map_pattern="maps/{:d}.png", path="video/1.avi", content="abc"),
            "DHF1K-24x32-1dc953ae/x-10512cd3a8da0e62",
        ),
        (
            a_clip(corpus="LEDOV", fixation_pattern="x/Data.mat", content="abc"),
            "LEDOV-24x32-1dc953ae/x-8a15eca0e8a4f7f6",
        ),
        (BARE, "Mine-24x32-1dc953ae/a%20b%2F%C3%A9-39e94977d74f7c63"),
    ],
)
def test_names_are_pinned(tmp_path, clip, expected):
    """Those of before manifests said how maps are made, and those of the same corpora indexed since."""
    ledov = {"sigma": float.fromhex("0x1.0fc8711f05674p+5"), "reach": 100, "even": False, "replicate": False}
    for rule in (None, ledov if clip.corpus == "LEDOV" else DHF1K_RULE):
        found = addresses(tmp_path, clip, rule)
        assert [found.name(kind, clip) for kind in kinds_of(True)] == [
            f"{expected}.frames",
            f"{expected}.maps",
        ]


def test_what_was_resized_by_another_rule_has_another_name(tmp_path):
    manifest = write(tmp_path / "m", BARE.corpus, tmp_path, [BARE], {}, map_rule=None)
    framed_too = [*RESIZINGS, framed("pil-lanczos", "height"), framed("pil-lanczos", "cover")]
    folders = {rule: Addresses(manifest, SIZE, rule).folder for rule in framed_too}
    assert folders[DEFAULT_RESIZING] == Addresses(manifest, SIZE).folder == "Mine-24x32-1dc953ae"
    assert len(set(folders.values())) == len(RESIZINGS) + 2 == 6


def test_maps_made_by_another_rule_have_another_name_and_frames_have_not(tmp_path):
    rules = [None, RULE, RULE | {"sigma": 4.0}, RULE | {"even": True}]
    found = [addresses(tmp_path, BARE, rule) for rule in rules]
    assert len({each.name("maps", BARE) for each in found}) == 4
    assert len({each.name("frames", BARE) for each in found}) == 1
    shipped = replace(BARE, map_pattern="maps/{:d}.png")
    assert len({each.name("maps", shipped) for each in found}) == 1


@pytest.mark.parametrize(
    ("rule", "layout", "code"),
    [
        (RULE, "", ""),
        (DHF1K_RULE, "shipped", ""),
        (DHF1K_RULE, "videos", "of a plug-in"),
    ],
)
def test_maps_of_other_fixations_that_a_plug_in_reads_from_the_same_files_have_another_name(
    tmp_path, rule, layout, code
):
    swapped = [[[0, 3, 4]], [[0, 4, 3]]]
    found = [addresses(tmp_path, BARE, rule, rows, layout, code=code) for rows in swapped]
    assert len({each.name("maps", BARE) for each in found}) == 2
    assert len({each.name("frames", BARE) for each in found}) == 1
    shipped = replace(BARE, map_pattern="maps/{:d}.png")
    assert len({each.name("maps", shipped) for each in found}) == 1


def test_maps_of_an_own_folder_keep_their_names_when_a_clip_joins_it(tmp_path):
    found = [addresses(tmp_path, BARE, DHF1K_RULE, rows, "videos") for rows in ([], [[0, 3, 4]])]
    assert len({each.name("maps", BARE) for each in found}) == 1


def test_maps_that_nobody_can_make_have_no_name(tmp_path):
    found = addresses(tmp_path, BARE, {})
    assert found.names([BARE], kinds_of(False)) == {found.name("frames", BARE)}
    with pytest.raises(ProblemError, match="maps of Mine: expected them shipped, or a rule"):
        found.names([BARE], kinds_of(True))


def test_what_is_missing_is_what_is_not_there_whole(tmp_path):
    clip = a_clip(n_frames=5, map_pattern="maps/{:d}.png")
    found = addresses(tmp_path, clip)
    assert (found.shape("frames", clip), found.shape("maps", clip)) == ((5, 24, 32, 3), (5, 24, 32))
    frames, maps = (file_size(found.shape(kind, clip)) for kind in kinds_of(True))
    assert found.missing(tmp_path, clip, kinds_of(True)) == frames + maps
    path = tmp_path / found.name("frames", clip)
    path.parent.mkdir()
    path.write_bytes(bytes(frames))
    assert found.missing(tmp_path, clip, kinds_of(True)) == maps
    path.write_bytes(bytes(frames - 1))
    assert found.missing(Path(tmp_path), clip, kinds_of(False)) == frames


def test_a_long_name_is_one_a_file_system_takes(tmp_path):
    clip = a_clip(clip="ü" * 300, map_pattern="maps/{:d}.png")
    other = replace(clip, content="another")
    found = addresses(tmp_path, clip)
    assert len(Path(found.name("frames", clip)).name) < 256
    assert found.name("frames", clip) != found.name("frames", other)


def write_own(root, suffix="png"):
    for clip in "abc":
        write_frames(root / "frames" / clip, four_digits(3), "bmp")
        write_fixations(root / "fixations" / clip, four_digits(3), suffix)


@pytest.mark.parametrize("suffix", ["png", "mat"])
def test_files_changed_within_their_size_are_decoded_again(tmp_path, suffix):
    root, size = tmp_path / "corpus", (24, 32)
    write_own(root, suffix)

    def read_all():
        manifest = index(FolderCorpus("Mine"), root, tmp_path / "m")
        store = FrameStore(tmp_path / "store", manifest, size)
        clip = next(clip for clip in manifest.clips() if clip.clip == "a")
        return manifest.digest, store.read_frames(clip), store.read_maps(clip)

    digest, frames, maps = read_all()
    for i, name in enumerate(four_digits(3)):
        image = np.full((48, 64, 3), 40 * i, np.uint8)
        write_png(root / "frames" / "a" / f"{name}.bmp", image)
    after_frames = read_all()
    assert after_frames[0] != digest
    assert not np.array_equal(after_frames[1], frames)
    assert np.array_equal(after_frames[2], maps)
    write_fixations(root / "fixations" / "a", list(reversed(four_digits(3))), suffix)
    after_fixations = read_all()
    assert after_fixations[0] != after_frames[0]
    assert not np.array_equal(after_fixations[2], maps)
