"""A corpus' manifest where it is, or brought to a machine that does not see it."""

import pickle

import pytest

from grid.results.manifest_place import ManifestPlace
from grid.results.storage import Storage
from manifests import write
from manifests.problem import ExchangedError
from manifests.store import CLIPS, FIXATIONS, ManifestError, open_manifest
from tests.datasets.scored_corpus import CORPUS, fixations_of, write_scored


@pytest.fixture
def folder(demo_out):
    return demo_out / "manifests" / "ledov"


def test_a_manifest_is_opened_with_its_own_root_or_another(folder, tmp_path):
    own = ManifestPlace(str(folder), None).open()
    assert own == open_manifest(folder)
    moved = ManifestPlace(str(folder), "s3://bucket/LEDOV").open()
    assert (moved.root, moved.digest) == ("s3://bucket/LEDOV", own.digest)
    with pytest.raises(ManifestError, match=str(tmp_path)):
        ManifestPlace(str(tmp_path), None).open()


def test_a_manifest_that_was_indexed_again_is_told_where_what_is_read_of_it_has_changed(tmp_path):
    """Trainings that started later read it, under the id of the old one."""
    write_scored(tmp_path)
    planned = open_manifest(folder := tmp_path / "manifest")
    place = ManifestPlace(str(folder), None, digests={"val": planned.digests["val"]})
    place.open()
    (kept,) = planned.clips("val")[1:]
    write(folder, CORPUS, planned.root, [kept], {kept.clip: fixations_of(kept.clip, kept.n_frames)})
    with pytest.raises(ExchangedError, match="clips of val as they were when this was planned"):
        place.open()
    other = next(split for split in planned.digests if split != "val")
    ManifestPlace(str(folder), None, digests={other: planned.digests[other]}).open()
    with pytest.raises(ExchangedError, match="was indexed again meanwhile"):
        planned.clips("val")


def test_a_manifest_in_the_storage_is_brought_with_its_clips_and_fixations(folder, url, node):
    storage = Storage(url)
    for name in (CLIPS, FIXATIONS):
        storage.publish(f"manifests/m/{name}", folder / name)
    place = ManifestPlace("manifests/m", "s3://bucket/LEDOV")
    node("second")
    brought = pickle.loads(pickle.dumps(place)).brought(Storage(url))
    assert brought == ManifestPlace(str(Storage(url).local / "manifests/m"), "s3://bucket/LEDOV")
    found, expected = brought.open(), open_manifest(folder)
    assert found.digest == expected.digest
    assert found.clips("test") == expected.clips("test")
    clip = found.clips("test")[0].clip
    assert (found.fixations("test").frame(clip, 0) == expected.fixations("test").frame(clip, 0)).all()


def test_a_manifest_that_the_storage_lacks_is_told(url, node):
    with pytest.raises(FileNotFoundError, match="manifests/m/"):
        ManifestPlace("manifests/m", None).brought(Storage(url))


def test_on_one_machine_it_stays_where_it_is(folder, tmp_path):
    place = ManifestPlace(str(folder), None)
    assert place.brought(Storage(folder=str(tmp_path))) == place
