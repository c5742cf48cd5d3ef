"""Photographs that are trained on at several sizes: each at the nearest, in whole batches of one."""

from grid.plan.size_groups import by_size, of_size, whole_batches
from hd2s.models.unisal.config import UnisalConfig
from tests.datasets.small_corpora import a_clip

SIZES = UnisalConfig(domain_inputs=True, photograph_sizes="released").shown("MIT1003").input.trained_sizes
NATIVE = {
    # (height, width) of a photograph → where its aspect is the nearest of 8:13, 9:13, 9:12, 12:9 and 13:9.
    (628, 1024): (256, 416),
    (700, 1024): (288, 416),
    (768, 1024): (288, 384),
    (1024, 1024): (288, 384),
    (1024, 768): (384, 288),
    (1024, 680): (416, 288),
}


def photographs(*natives):
    return [
        a_clip(clip=f"{i}", media="image", n_frames=1, height=height, width=width)
        for i, (height, width) in enumerate(natives)
    ]


def test_each_photograph_has_the_released_size_that_is_nearest_in_aspect():
    clips = photographs(*NATIVE)
    found = by_size(clips, (288, 384), SIZES)
    assert {(clip.height, clip.width): size for size, mine in found.items() for clip in mine} == NATIVE
    assert list(found) == [size for size in SIZES if size in NATIVE.values()]
    assert [len(of_size(clips, size, SIZES)) for size in SIZES] == [1, 1, 2, 1, 1]


def test_what_stands_in_for_clips_before_they_are_indexed_has_the_first_size():
    clips = photographs((0, 0), (0, 0))
    assert by_size(clips, (288, 384), SIZES) == {SIZES[0]: clips}


def test_without_sizes_all_have_the_one():
    clips = photographs((10, 20), (20, 10))
    assert by_size(clips, (64, 96), ()) == {(64, 96): clips}
    assert by_size([], (64, 96), SIZES) == {(64, 96): []}


def test_incomplete_batches_are_left_out_unless_there_are_no_others():
    groups = {(256, 416): [0] * 70, (288, 384): [0] * 31, (384, 288): [0] * 32}
    assert whole_batches(groups, 32) == {(256, 416): 2, (384, 288): 1}
    assert whole_batches({(288, 384): [0] * 31, (384, 288): [0]}, 32) == {(288, 384): 1, (384, 288): 1}
