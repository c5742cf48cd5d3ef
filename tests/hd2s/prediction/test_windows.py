import numpy as np
import pytest

from hd2s.models.config import Input
from hd2s.prediction.windows import continued, iter_blocks, iter_windows, reflected, window_indices


def answers_last(frames, step=1):
    return Input(frames, 6, 7, step)


def clip_of(n, size=(6, 7)):
    """Frame i is i everywhere, plus a spatial pattern; channels differ, so that their order shows."""
    pattern = np.arange(size[0] * size[1]).reshape(*size, 1) % 5
    return (np.arange(n)[:, None, None, None] + pattern + np.array([0, 90, 120])).astype(np.uint8)


def test_the_papers_windows():
    table = window_indices(40, answers_last(16))
    assert table[15].tolist() == list(range(16))
    assert table[39].tolist() == list(range(24, 40))
    assert table[0].tolist() == list(range(15, -1, -1))
    assert table[14].tolist() == list(range(29, 13, -1))
    assert (table[:, -1] == np.arange(40)).all(), "every window ends at the frame it predicts"


def test_windows_of_short_clips_reflect_at_the_end():
    assert window_indices(1, answers_last(4)).tolist() == [[0, 0, 0, 0]]
    assert window_indices(3, answers_last(4)).tolist() == [[1, 2, 1, 0], [0, 1, 2, 1], [1, 0, 1, 2]]
    assert window_indices(5, answers_last(4)).tolist() == [
        [3, 2, 1, 0],
        [4, 3, 2, 1],
        [3, 4, 3, 2],
        [0, 1, 2, 3],
        [1, 2, 3, 4],
    ]
    assert window_indices(3, answers_last(1)).tolist() == [[0], [1], [2]]


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6])
def test_a_short_clip_may_begin_again_instead(n):
    """As TASED-Net's author says: repeat it to 2T − 1 frames, and keep the first n maps."""
    repeated = (list(range(n)) * 7)[:7]
    whole = window_indices(7, answers_last(4))[:n]
    expected = [[repeated[i] for i in row] for row in whole]
    assert window_indices(n, answers_last(4), short_clips="looped").tolist() == expected
    frames = clip_of(n)
    streamed = np.stack(list(iter_windows(iter(frames), answers_last(4), short_clips="looped")))
    np.testing.assert_array_equal(streamed, frames[expected])


@pytest.mark.parametrize("n", [4, 5, 6, 7, 12])
def test_a_short_clip_s_last_window_may_answer_all_frames_whose_own_would_end_beyond_it(n):
    """As HD2S's released code: of frame j < T − 1 the window that begins there, or the last that there is."""
    ahead = [[min(j, n - 4) + k for k in range(4)] for j in range(3)]
    expected = ahead + [list(range(t - 3, t + 1)) for t in range(3, n)]
    shown = {"in_order": True, "short_clips": "last window"}
    assert window_indices(n, answers_last(4), **shown).tolist() == expected
    frames = clip_of(n)
    streamed = iter_windows(iter(frames), answers_last(4), reverse_colours=True, short_clips="last window")
    expected = [frames[row][..., :: -1 if j < 3 else 1] for j, row in enumerate(expected)]
    np.testing.assert_array_equal(np.stack(list(streamed)), expected)


@pytest.mark.parametrize("n", [1, 3])
def test_a_clip_without_a_whole_window_is_reflected_then(n):
    found = window_indices(n, answers_last(4), short_clips="last window")
    assert found.tolist() == window_indices(n, answers_last(4)).tolist()


def test_windows_with_a_step():
    assert window_indices(9, answers_last(3, step=2)).tolist() == [
        [4, 2, 0],
        [5, 3, 1],
        [6, 4, 2],
        [7, 5, 3],
        [0, 2, 4],
        [1, 3, 5],
        [2, 4, 6],
        [3, 5, 7],
        [4, 6, 8],
    ]
    assert window_indices(4, answers_last(3, step=2)).tolist() == [[2, 2, 0], [1, 3, 1], [0, 2, 2], [1, 1, 3]]
    assert window_indices(2, answers_last(2, step=5), in_order=True).tolist() == [[0, 1], [1, 0]]


def plainly(n, frames, step):
    """Frame by frame: continue the clip by reflection, and pick."""
    extended = np.pad(np.arange(n), (0, 2 * frames * step), mode="reflect")
    span = (frames - 1) * step + 1
    for t in range(n):
        if t >= span - 1:
            yield [t - k * step for k in range(frames)][::-1]
        else:
            yield [extended[t + k * step] for k in range(frames)][::-1]


@pytest.mark.parametrize("step", [1, 2, 3, 5])
@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 12, 40])
def test_every_frame_has_the_window_of_the_rule(n, frames, step):
    assert window_indices(n, answers_last(frames, step)).tolist() == list(plainly(n, frames, step))


@pytest.mark.parametrize(("clip_length", "step"), [(1, 1), (2, 1), (8, 1), (1, 3), (4, 2), (3, 5)])
@pytest.mark.parametrize("n", [1, 3, 7, 13, 14, 15, 16, 40])
def test_streamed_windows_are_those_of_the_table(n, clip_length, step):
    frames, given = clip_of(n), answers_last(clip_length, step)
    streamed = np.stack(list(iter_windows(iter(frames), given)))
    np.testing.assert_array_equal(streamed, frames[window_indices(n, given)])


@pytest.mark.parametrize("n", [1, 5, 9, 30])
def test_first_windows_in_the_order_of_time_have_their_colours_reversed(n):
    frames, given = clip_of(n), answers_last(4, step=2)
    found = list(iter_windows(frames, given, reverse_colours=True))
    table = window_indices(n, given, in_order=True)
    extended = np.pad(np.arange(n), (0, 24), mode="reflect")
    for t, window in enumerate(found):
        if t < given.span - 1:
            assert table[t].tolist() == [extended[t + 2 * k] for k in range(4)]
            np.testing.assert_array_equal(window, frames[table[t]][..., ::-1])
        else:
            np.testing.assert_array_equal(window, frames[t - 6 : t + 1 : 2])
    assert len(found) == n


@pytest.mark.parametrize(("before", "behind"), [(0, 0), (2, 0), (0, 3), (8, 4), (5, 12)])
@pytest.mark.parametrize("n", [1, 2, 4, 5, 6, 13, 30])
def test_a_clip_goes_on_by_reflection_at_either_end(n, before, behind):
    """To and fro where it is shorter than what is asked for."""
    found = list(continued(iter(clip_of(n)), before, behind))
    np.testing.assert_array_equal(found, clip_of(n)[np.pad(np.arange(n), (before, behind), mode="reflect")])


def test_the_middle_frame_stands_among_its_neighbours_and_at_an_end_among_their_reflections():
    frames = {
        (6, 5): [[2, 1, 0, 1, 2], [1, 0, 1, 2, 3], [0, 1, 2, 3, 4], [1, 2, 3, 4, 5]],
        (6, 4): [[2, 1, 0, 1], [1, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 4]],
        (2, 5): [[0, 1, 0, 1, 0], [1, 0, 1, 0, 1]],
        (1, 4): [[0, 0, 0, 0]],
    }
    for (n, length), table in frames.items():
        windows = list(iter_windows(clip_of(n), Input(length, 6, 7, 1, "middle")))
        assert len(windows) == n
        for window, row in zip(windows, table, strict=False):
            np.testing.assert_array_equal(window, clip_of(n)[row])


@pytest.mark.parametrize("given", [answers_last(4, step=3), Input(4, 6, 7, 3, "middle")])
def test_no_more_than_two_spans_are_read_ahead(given):
    read = []

    def counted():
        for frame in clip_of(200):
            read.append(1)
            yield frame

    windows = iter_windows(counted(), given)
    for i in range(150):
        next(windows)
        assert len(read) <= max(2 * 10, i + 1 + given.around[1])


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("n", [1, 2, 4, 11, 12, 13, 24, 31])
def test_blocks_hold_every_frame_once_in_windows_of_its_phase(n, step):
    """T = 4: each block's T × step frames, of which window p has every step'th from p."""
    frames, given = clip_of(n), Input(4, 6, 7, step, "every")
    blocks, length = list(iter_blocks(iter(frames), given)), 4 * step
    assert [count for _, count in blocks] == [len(frames[i : i + length]) for i in range(0, n, length)]
    for i, (windows, count) in enumerate(blocks):
        block = frames[i * length : (i + 1) * length]
        extended = np.pad(block, ((0, length - count), *[(0, 0)] * 3), mode="reflect")
        np.testing.assert_array_equal(windows, np.stack([extended[p::step] for p in range(step)]))


def test_reflection_goes_to_and_fro():
    assert reflected(np.arange(10), 4).tolist() == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]
    assert reflected(np.arange(4), 1).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "read",
    [
        lambda f: iter_windows(f, answers_last(4)),
        lambda f: iter_windows(f, Input(4, 6, 7, 1, "middle")),
        lambda f: iter_blocks(f, answers_last(4)),
    ],
)
def test_wrong_frames_are_named(read):
    frames = [*clip_of(3), clip_of(1, size=(6, 8))[0]]
    with pytest.raises(ValueError, match=r"frame 3: expected uint8 \(6, 7, 3\), found uint8 \(6, 8, 3\)"):
        list(read(frames))
    with pytest.raises(ValueError, match=r"frame 0: expected uint8 \(H, W, 3\), found float64"):
        list(read(clip_of(3) / 255))
    with pytest.raises(ValueError, match=r"frame 0: .* found uint8 \(6, 7\)"):
        list(read(clip_of(3)[..., 0]))
    with pytest.raises(ValueError, match="at least one frame"):
        list(read([]))


@pytest.mark.parametrize("answers", ["last", "middle", "every"])
@pytest.mark.parametrize("frames", [1, 4])
def test_a_photograph_stands_alone_where_the_model_says_so_and_no_clip_of_two_frames_does(frames, answers):
    given = Input(frames, 6, 7, 3, answers, "alone")
    windows = {
        n: [w for w, _ in iter_blocks(clip_of(n), given)]
        if answers == "every"
        else list(iter_windows(clip_of(n), given))
        for n in (1, 2, 13)
    }
    shape = (3 if (answers, frames) == ("every", 1) else 1, 1) if answers == "every" else (1,)
    assert [window.shape for window in windows[1]] == [(*shape, 6, 7, 3)]
    assert (windows[1][0] == clip_of(1)[0]).all()
    full = (3, frames) if answers == "every" else (frames,)
    assert all(window.shape == (*full, 6, 7, 3) for n in (2, 13) for window in windows[n])
    if answers == "every":
        blocks = list(iter_blocks(clip_of(12 * 3 + 1), Input(4, 6, 7, 3, "every", "alone")))
        assert [n for _, n in blocks] == [12, 12, 12, 1], "a last block of one frame is no photograph"
