import pytest

from hd2s.models.registry import find_model
from hd2s.models.s3d_layouts import S3D_LAYOUTS


@pytest.mark.parametrize("word", ["hd2s", "tased"])
def test_models_on_s3d_start_from_its_files_and_say_where_they_are_had(word):
    layouts = find_model(word).model.starts_from
    assert [layout.word for layout in layouts] == ["kinetics", "torchvision"]
    assert layouts == list(S3D_LAYOUTS)
    assert all(layout.had_from.startswith("https://") for layout in layouts)
