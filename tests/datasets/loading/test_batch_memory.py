"""How a batch lies in one piece of memory, and when that memory is free again."""

import pytest
import torch

from datasets.loading.batch_memory import BatchLayout, SharedBatches
from datasets.loading.windows import WindowShape
from manifests.problem import ProblemError


@pytest.mark.parametrize(("answers", "answered"), [(None, 1), (range(2, 3), 1), (range(4), 4)])
def test_clips_maps_and_fixations_are_views_that_fill_the_memory(answers, answered):
    layout = BatchLayout(2, WindowShape(4, 3, answers), 5, 6, labelled=True, fixated=True)
    assert layout.size == 2 * 4 * 5 * 6 * 3 + 2 * 2 * answered * 5 * 6
    memory = torch.zeros(layout.size, dtype=torch.uint8)
    clips, maps, fixations = layout.split(memory)
    assert clips.shape == (2, 4, 5, 6, 3)
    assert maps.shape == fixations.shape == (2, answered, 5, 6)
    for value, part in enumerate((clips, maps, fixations), start=1):
        part.fill_(value)
    assert memory.tolist() == [1] * clips.numel() + [2] * maps.numel() + [3] * maps.numel()


def test_maps_and_fixations_may_have_a_size_of_their_own():
    layout = BatchLayout(2, WindowShape(4), 5, 6, labelled=True, fixated=True, map_size=(7, 9))
    assert layout.size == 2 * 4 * 5 * 6 * 3 + 2 * 2 * 7 * 9
    clips, maps, fixations = layout.split(torch.zeros(layout.size, dtype=torch.uint8))
    assert clips.shape == (2, 4, 5, 6, 3)
    assert maps.shape == fixations.shape == (2, 1, 7, 9)


def test_fixations_take_no_memory_unless_asked_for():
    layout = BatchLayout(2, WindowShape(4), 5, 6, labelled=True)
    clips, maps, fixations = layout.split(torch.zeros(layout.size, dtype=torch.uint8))
    assert (clips.numel() + maps.numel(), fixations) == (layout.size, None)


def test_without_labels_there_are_no_maps():
    layout = BatchLayout(2, WindowShape(4), 5, 6, labelled=False)
    clips, maps, fixations = layout.split(torch.zeros(layout.size, dtype=torch.uint8))
    assert (clips.numel(), maps, fixations) == (layout.size, None, None)


def test_a_piece_is_free_when_the_last_part_of_its_batch_is_gone():
    shared = SharedBatches(BatchLayout(2, WindowShape(4), 5, 6, labelled=True), workers=1)
    assert [shared.take() for _ in range(5)] == [0, 1, 2, 3, None]
    clips, maps, _ = shared.lend(1)
    shared.memory[1].fill_(7)
    part = maps[1]
    del clips, maps
    assert shared.take() is None
    assert part.unique().tolist() == [7]
    del part
    assert shared.take() == 1


def test_memory_that_cannot_be_shared_is_told_with_what_to_do(monkeypatch):
    def full(tensor):
        raise RuntimeError("unable to allocate shared memory(shm): No space left on device (28)")

    monkeypatch.setattr(torch.Tensor, "share_memory_", full)
    layout = BatchLayout(2, WindowShape(4), 5, 6, labelled=True)
    SharedBatches(layout, workers=0)
    with pytest.raises(ProblemError, match=r"found unable to allocate.*resources\.loader_workers=0"):
        SharedBatches(layout, workers=2)
