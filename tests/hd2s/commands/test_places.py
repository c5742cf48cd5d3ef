"""Where predictions would be written, and what must not be there."""

from argparse import Namespace
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from datasets.corpora.saliency_maps import MapReader
from hd2s.commands.places import places, require_free
from hd2s.commands.sources import Source, clip_source
from hd2s.commands.writers import PngFolder, open_writer
from manifests import ProblemError, open_manifest
from tests.datasets.scored_corpus import write_scored


def asked(out, **options):
    given = {"submission": False, "maps": None, "overlay": None, "conspicuity": None}
    return Namespace(**given | {"out": out} | options)


def source(name, *read_from):
    return Source(name, (4, 4), Fraction(25), 1, lambda: iter(()), read_from)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"maps": "a/maps"}),
        ({"submission": True}, {"maps": "a"}),
        ({"overlay": "mp4"}, {"overlay": "a_overlay.mp4"}),
        (
            {"overlay": "png", "maps": "mp4", "conspicuity": "gif"},
            {"maps": "a_maps.mp4", "overlay": "a/overlay", "conspicuity": "a_conspicuity.gif"},
        ),
    ],
)
def test_each_has_its_own_place(options, expected):
    found = places("a", asked(Path("out"), **options))
    assert {what: str(place.relative_to("out")) for what, place in found.items()} == expected


def test_a_video_that_is_read_is_not_written_to(tmp_path):
    sources = [source("a", tmp_path / "a.mp4"), source("a_maps", tmp_path / "a_maps.mp4")]
    require_free(sources, asked(tmp_path, overlay="mp4"))
    with pytest.raises(ProblemError, match=r"a_maps\.mp4: .*found what a_maps is read from"):
        require_free(sources, asked(tmp_path, maps="mp4"))


def test_maps_of_a_corpus_are_not_written_over(tmp_path):
    manifest = open_manifest(write_scored(tmp_path, {"0601": 4}))
    clip = manifest.clips("val")[0]
    maps = Path(manifest.root) / clip.map_pattern.format(clip.first_annotation)
    sources = [clip_source(manifest, clip, MapReader(manifest))]
    with pytest.raises(ProblemError, match="what 0601 is read from"):
        require_free(sources, asked(maps.parent.parent, submission=True))
    require_free(sources, asked(tmp_path / "elsewhere", submission=True))


def test_numbered_images_that_another_has_written_stay(tmp_path):
    mine = tmp_path / "a" / "maps" / "0001.png"
    mine.parent.mkdir(parents=True)
    Image.fromarray(np.eye(4, dtype=np.uint8)).save(mine)
    content = mine.read_bytes()
    with pytest.raises(ProblemError, match=r"found others, such as 0001\.png\. Give another --out"):
        require_free([source("a")], asked(tmp_path))
    with pytest.raises(FileExistsError, match="give another --out"):
        PngFolder(mine.parent)
    assert mine.read_bytes() == content


def test_those_of_an_earlier_run_may_be_replaced(tmp_path):
    PngFolder(tmp_path / "a" / "maps").write(np.eye(4, dtype=np.uint8))
    require_free([source("a")], asked(tmp_path))


@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_a_video_that_another_has_written_stays_and_one_of_an_earlier_run_may_be_replaced(tmp_path, kind):
    place, options = tmp_path / f"a_overlay.{kind}", asked(tmp_path, overlay=kind)
    with ExitStack() as stack:
        open_writer(kind, place, (32, 32), Fraction(25), stack).write(np.zeros((32, 32, 3), np.uint8))
    require_free([source("a")], options)
    with av.open(str(place)) as container:
        ours = next(container.decode(video=0)).to_ndarray(format="rgb24")
    with av.open(str(place), "w") as container:
        stream = container.add_stream("gif" if kind == "gif" else "libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "rgb8" if kind == "gif" else "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(ours, format="rgb24")))
        container.mux(stream.encode(None))
    with pytest.raises(
        ProblemError, match=f"a_overlay.{kind}: expected nothing, or a video that this command"
    ):
        require_free([source("a")], options)
    place.write_text("notes")
    with pytest.raises(ProblemError, match="found another file"):
        require_free([source("a")], options)


@pytest.mark.parametrize(("kind", "found"), [("mp4", "a folder"), ("png", "another file")])
def test_a_folder_or_a_file_in_the_place_of_the_other_is_told_before_anything_is_predicted(
    tmp_path, kind, found
):
    place = places("a", asked(tmp_path, overlay=kind))["overlay"]
    place.parent.mkdir(exist_ok=True)
    place.mkdir() if found == "a folder" else place.touch()
    with pytest.raises(ProblemError, match=f"found {found}"):
        require_free([source("a")], asked(tmp_path, overlay=kind))
