"""A split that predictions are scored on, whoever made them: its clips and its fixations, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from datasets.corpora.saliency_maps import map_rule_of, read_map
from datasets.corpus import MapRule
from manifests import Clip, Fixations, Manifest, open_manifest
from manifests.clips import long_enough
from manifests.folds import Splitting, folded


@dataclass(frozen=True)
class ScoredFrame:
    """What a frame's prediction is scored on (`hd2s.metrics.benchmark.score_frame`).

    Attributes:
        truth: the saliency map at native resolution, uint8 (H, W).
        points: int (n, 2), row and column of the fixated pixels.
        pool: `ScoredSplit.points` and `ScoredSplit.sizes`.
        key: corpus, clip and number of the frame.
    """

    truth: np.ndarray
    points: np.ndarray
    pool: tuple[list[np.ndarray], list[tuple[int, int]]]
    key: tuple[str, str, int]


@dataclass(frozen=True)
class ScoredSplit:
    """A split's clips and fixations.

    Attributes:
        manifest: of the corpus.
        clips: name -> clip.
        fixations: of all clips.
        points: int (n, 2), row and column of the fixated pixels of each frame of each clip, in order: what
            s-AUC's other fixations are drawn from.
        sizes: (height, width) of each of these frames.
        shorter: names of the clips that have too few frames to be scored on.
    """

    manifest: Manifest
    clips: Mapping[str, Clip]
    fixations: Fixations
    points: list[np.ndarray]
    sizes: list[tuple[int, int]]
    shorter: frozenset[str] = frozenset()

    @classmethod
    @lru_cache(maxsize=1)
    def open(
        cls,
        folder: str,
        split: str,
        root: str | None = None,
        min_frames: int = 1,
        fold: Splitting | None = None,
    ) -> ScoredSplit:
        """Read a split; a process that scores several clips of it reads it once.

        Args:
            folder: of the manifest.
            split: as in the manifest.
            root: where the corpus lies; None for where it was indexed.
            min_frames: clips of fewer are left out, as if the split did not have them; photographs are not.
            fold: whose split it is; None for the corpus' own.

        Raises:
            ManifestError: there is no sound manifest.
        """
        manifest = folded(open_manifest(Path(folder), root), fold)
        clips, fixations = list(clips_to_score(manifest, split, min_frames)), manifest.fixations(split)
        points = [fixations.frame(clip.clip, i) for clip in clips for i in range(clip.n_frames)]
        sizes = [(clip.height, clip.width) for clip in clips for _ in range(clip.n_frames)]
        kept = {clip.clip: clip for clip in clips}
        shorter = frozenset(clip.clip for clip in manifest.clips(split)) - kept.keys()
        return cls(manifest, kept, fixations, points, sizes, shorter)

    def frame(self, name: str, i: int, root: Path | None = None) -> ScoredFrame:
        """Return what frame `i` (from 0) of a clip is scored on.

        Args:
            name: the clip.
            i: frame, from 0.
            root: where the clip's maps lie, if not at the manifest's root.

        Raises:
            ClipError: its map cannot be read, or has another size than the clip.
        """
        clip, points = self.clips[name], self.fixations.frame(name, i)
        rule = None if clip.map_pattern else self._map_rule
        truth = read_map(root or self.manifest.root, clip, i, points=points, rule=rule)
        return ScoredFrame(truth, points, (self.points, self.sizes), (clip.corpus, name, i))

    @cached_property
    def _map_rule(self) -> MapRule:
        return map_rule_of(self.manifest)


def clips_to_score(manifest: Manifest, split: str, min_frames: int) -> Sequence[Clip]:
    """Return the clips of a split that have frames enough; photographs always have."""
    return long_enough(manifest.clips(split), min_frames)
