"""Clips behind a url: brought when they are read, kept while they are, and told when they are missing."""

import errno
import multiprocessing
from dataclasses import replace

import numpy as np
import pytest

from datasets import remote
from datasets.frame_store.store import FrameStore
from datasets.indexing.index import index
from datasets.remote import LOCAL, at_hand, connect, copy_in, is_folder, node_folder
from manifests.problem import ProblemError
from tests.datasets.small_corpora import a_clip, write_dhf1k, write_png
from tests.grid.buckets import upload


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """DHF1K with three training clips, on disk."""
    folder = tmp_path_factory.mktemp("remote")
    for number in (1, 2, 3):
        write_dhf1k(folder / "DHF1K", number)
    return index("dhf1k", folder / "DHF1K", folder / "m")


@pytest.mark.slow
def test_clips_come_from_a_url_when_they_are_read(manifest, url, node, tmp_path):
    clip, another = manifest.clips("train")[:2]
    upload(manifest, [clip, another], url)
    remote = replace(manifest, root=url)
    here, there = (FrameStore(tmp_path / name, m, (32, 32)) for name, m in (("a", manifest), ("b", remote)))
    for read in ("read_frames", "read_maps"):
        assert np.array_equal(getattr(here, read)(clip), getattr(there, read)(clip))
    kept = node_folder(url) / "clips"
    assert len(list(kept.iterdir())) == 2, "frames and maps"
    with at_hand(url, clip, "frames") as root:
        assert (root / clip.path).exists()
    # A part of the next machine's processes may be forked from one that has talked to the server.
    node("second")
    child = multiprocessing.get_context("fork").Process(target=there.read_frames, args=(another,))
    child.start()
    child.join(60)
    assert child.exitcode == 0


def test_a_clip_that_is_missing_at_the_url_is_told_and_found_when_mended(manifest, url, node, tmp_path):
    clip = manifest.clips("train")[0]
    store = FrameStore(tmp_path / "frames", replace(manifest, root=url), (32, 32))
    with pytest.raises(ProblemError, match="expected a file, as indexed, found none"):
        store.read_frames(clip)
    upload(manifest, [clip], url)
    assert len(store.read_frames(clip)) == clip.n_frames
    assert not list((node_folder(url) / "clips").glob(".*"))


@pytest.mark.slow
def test_an_entry_is_kept_while_it_is_read_and_goes_when_another_needs_the_room(
    manifest, url, node, monkeypatch
):
    clips = manifest.clips("train")[:3]
    upload(manifest, clips, url)
    monkeypatch.setattr("datasets.remote._DISK_SHARE", 10**18)
    with at_hand(url, clips[0], "frames") as root:
        for clip in clips[1:]:
            with at_hand(url, clip, "frames"):
                pass
        assert (root / clips[0].path).is_file()
        assert len(list((node_folder(url) / "clips").iterdir())) == 2, "it and the last one"


def test_who_reads_no_further_lets_go_of_what_was_brought(tmp_path, node):
    write_png(tmp_path / "x" / "1.png", np.zeros((8, 8, 3), np.uint8))
    clip = a_clip(media="frames", path="x", frame_pattern="x/{:d}.png", n_frames=1)

    def reading():
        with at_hand(tmp_path.as_uri(), clip, "frames") as root:
            yield root

    read = reading()
    folder = next(read)
    assert not remote._remove(folder), "it is being read"
    read.close()
    assert folder.exists()
    assert remote._remove(folder)


def test_the_same_pictures_under_other_names_are_brought_by_these(tmp_path, node):
    write_png(tmp_path / "x" / "1.png", np.zeros((8, 8, 3), np.uint8))
    clip = a_clip(media="frames", path="x", frame_pattern="x/{:d}.png", n_frames=1, content="same")
    for pattern in ("x/{:d}.png", "x/{:02d}.png"):
        (tmp_path / "x").joinpath("1.png").replace(tmp_path / pattern.format(1))
        with at_hand(tmp_path.as_uri(), replace(clip, frame_pattern=pattern), "frames") as root:
            assert (root / pattern.format(1)).is_file()
        (tmp_path / pattern.format(1)).replace(tmp_path / "x" / "1.png")


@pytest.mark.parametrize("when", ["open", "flock"])
def test_a_folder_that_another_process_takes_for_abandoned_is_made_anew(tmp_path, monkeypatch, when):
    """Between its making and its lock nothing tells it from what the dead have left."""
    place = remote.os if when == "open" else remote.fcntl
    original, removed = getattr(place, when), []

    def late(*args):
        if not removed:
            (folder,) = tmp_path.iterdir()
            folder.rmdir()
            removed.append(folder)
        return original(*args)

    monkeypatch.setattr(place, when, late)
    part, lock = remote._begin(tmp_path)
    assert list(tmp_path.iterdir()) == [part] != removed
    remote.os.close(lock)


def test_a_disk_without_locks_for_what_is_brought_is_told(tmp_path, node, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    write_png(tmp_path / "x" / "1.png", np.zeros((8, 8, 3), np.uint8))
    clip = a_clip(media="frames", path="x", frame_pattern="x/{:d}.png", n_frames=1)
    monkeypatch.setattr(remote.fcntl, "flock", flock)
    told = pytest.raises(ProblemError, match=r"can lock files, found .*No locks.*HD2S_GRID_LOCAL=DIR")
    with told, at_hand(tmp_path.as_uri(), clip, "frames"):
        pass


def test_a_corpus_on_disk_is_read_where_it_lies(tmp_path, node):
    with at_hand(tmp_path, a_clip(path="x.mp4"), "frames") as root:
        assert root == tmp_path
    # Without shipped maps there is nothing to bring, wherever the corpus lies.
    with at_hand("s3://bucket/x", a_clip(), "maps") as root:
        assert not node_folder("s3://bucket/x").exists()


def test_a_machine_keeps_what_lies_at_a_url_in_a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.delenv(LOCAL, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    one, other = node_folder("s3://bucket/one"), node_folder("s3://bucket/other")
    assert one.parent == other.parent == tmp_path / "cache" / "hd2s-grid"
    assert one != other
    monkeypatch.setenv(LOCAL, str(tmp_path / "local"))
    assert node_folder("s3://bucket/one") == tmp_path / "local" / one.name


@pytest.mark.parametrize("url", ["nothing://bucket/x", "://"])
def test_a_url_that_names_no_place_is_told(url):
    with pytest.raises(ProblemError, match=r"expected a url such as s3://bucket/folder, found .* as pyarrow"):
        connect(url)


def test_there_is_a_folder_or_there_is_none(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "file").touch()
    assert is_folder(f"file://{tmp_path}/there")
    assert not is_folder(f"file://{tmp_path}/file")
    assert not is_folder(f"file://{tmp_path}/gone")


def test_a_file_is_copied_whole_or_not_there(tmp_path):
    content = np.random.default_rng(0).bytes(3 * 2**20 + 5)
    (tmp_path / "source").write_bytes(content)
    system, path = connect(f"file://{tmp_path}/")
    assert path == str(tmp_path)
    copy_in(system, f"{path}/source", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == content
    with pytest.raises(FileNotFoundError):
        copy_in(system, f"{path}/gone", tmp_path / "nothing")


def test_what_could_not_be_read_is_brought_again(tmp_path, node):
    clip = a_clip(media="frames", frame_pattern="{:d}.png", n_frames=2, content="c")
    for i in (1, 2):
        write_png(tmp_path / "corpus" / f"{i}.png", np.full((4, 4), i, np.uint8))
    url = f"file://{tmp_path}/corpus"
    with pytest.raises(ValueError, match="damaged"), at_hand(url, clip, "frames") as root:
        assert sorted(path.name for path in root.iterdir()) == ["1.png", "2.png"]
        raise ValueError("damaged")
    assert list((node_folder(url) / "clips").iterdir()) == []
    write_png(tmp_path / "corpus" / "1.png", np.full((4, 4), 9, np.uint8))
    with at_hand(url, clip, "frames") as root:
        assert (root / "1.png").read_bytes() == (tmp_path / "corpus" / "1.png").read_bytes()


@pytest.mark.parametrize(
    "url", ["s3://KEY:SECRET@bucket/x", "s3://bucket/x?secret_key=SECRET&access_key=KEY"]
)
def test_a_url_with_credentials_is_refused_and_not_told(url):
    """They stood in tables, results and MLflow afterwards."""
    with pytest.raises(
        ProblemError, match=r"expected a url without credentials.*AWS_ACCESS_KEY_ID"
    ) as caught:
        connect(url)
    assert "SECRET" not in str(caught.value).replace("AWS_SECRET_ACCESS_KEY", "")
