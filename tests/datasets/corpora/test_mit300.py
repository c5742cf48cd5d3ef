"""MIT300: photographs without annotations, in a folder of their own or as they are."""

import pytest
from PIL import Image

from datasets.indexing.index import index


@pytest.mark.parametrize(("folder", "layout"), [("BenchmarkIMAGES", "shipped"), ("", "folder")])
def test_every_photograph_is_unannotated(tmp_path, folder, layout):
    images = tmp_path / "MIT300" / folder
    images.mkdir(parents=True)
    for number, size in ((1, (64, 48)), (2, (48, 64)), (10, (64, 64))):
        Image.new("RGB", size, (90, 120, 150)).save(images / f"i{number}.jpg")
    manifest = index("mit300", tmp_path / "MIT300", tmp_path / "m")
    assert (manifest.layout, manifest.quarantined) == (layout, 0)
    found = [(clip.clip, clip.split, clip.media, clip.width) for clip in manifest.clips()]
    assert found == [(f"i{n}", "unannotated", "image", width) for n, width in ((1, 64), (2, 48), (10, 64))]
