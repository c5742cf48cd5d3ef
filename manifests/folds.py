"""Other splits of a corpus than its own: folds of a cross-validation, or the lists of a model's release."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import ClassVar

import pyarrow as pa

from manifests.schema import Fixations
from manifests.store import Manifest


@dataclass(frozen=True, slots=True)
class Fold:
    """One way of making training, validation and test sets of a corpus.

    Part `number` is for testing, the next one, after the last the first, for validation, all others for
    training: what is tested on has no say in which weights are tested.
    """

    number: int
    """From 1 on."""
    of: int
    """How many parts there are, 3 or more."""
    seed: int = 0
    """Another one deals otherwise."""
    dealt: ClassVar = ("train", "val", "test")
    """The splits whose clips are dealt out, whatever the corpus' own protocol makes of them."""

    @property
    def rule(self) -> list[str]:
        """What splits are made by, for their digests."""
        return [str(self.number), str(self.of), str(self.seed)]

    def deal(self, corpus: str, sources: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """Return clip → split; `sources` has the clips of each source video."""
        parts: list[list[str]] = [[] for _ in range(self.of)]
        for source in sorted(sources, key=lambda name: _rank(self.seed, corpus, name)):
            min(parts, key=len).extend(sources[source])
        role = {self.number - 1: "test", self.number % self.of: "val"}
        return {clip: role.get(i, "train") for i, part in enumerate(parts) for clip in part}

    def __str__(self) -> str:
        return f"fold {self.number} of {self.of}"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Another choice of what is validated on and what is trained on; test clips stay the corpus' own."""

    validation: tuple[str, ...]
    """Source videos; what is neither these nor left aside is for training."""
    last: str = ""
    """The source videos whose names come after this one are left aside, in no split; empty: none."""
    dealt: ClassVar = ("train", "val", "unlisted")
    """All that nobody tests on: clips that the corpus' own lists leave out, too."""

    @property
    def rule(self) -> list[str]:
        """What splits are made by, for their digests."""
        return ["held out", *self.validation, "last", self.last]

    def deal(self, corpus: str, sources: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """Return clip → split; `sources` has the clips of each source video."""
        del corpus
        return {clip: self._split(source) for source, clips in sources.items() for clip in clips}

    def _split(self, source: str) -> str:
        if source in self.validation:
            return "val"
        return "unlisted" if self.last and source > self.last else "train"


Splitting = Fold | HeldOut
"""What a corpus' splits may be in place of its own."""


@dataclass(frozen=True, slots=True)
class FoldedManifest(Manifest):
    """A manifest with the splits of a fold or of lists; clips keep the order of the whole one."""

    whole: Manifest | None = None
    splits: dict[str, str] = field(default_factory=dict)
    """Clip → its split, of those that were dealt out."""

    def fixations(self, split: str | None = None) -> Fixations:
        """Return the fixated pixels of the clips of a split, and of others, among which they lie."""
        del split
        return self._whole.fixations()

    def _clip_table(self, columns: Sequence[str], split: str | None, status: str | None) -> pa.Table:
        wanted = list(dict.fromkeys((*columns, "clip", "split")))
        table = self._whole._clip_table(wanted, None, status)
        own = zip(table["clip"].to_pylist(), table["split"].to_pylist(), strict=True)
        splits = [self.splits.get(clip, before) for clip, before in own]
        place, kind = table.schema.get_field_index("split"), table.schema.field("split")
        table = table.set_column(place, kind, pa.array(splits, kind.type))
        if split is not None:
            table = table.filter(pa.array([found == split for found in splits], pa.bool_()))
        return table.select(list(columns))

    @property
    def _whole(self) -> Manifest:
        if self.whole is None:
            raise ValueError("a fold is of a manifest: make it by `folded`")
        return self.whole


def folded(manifest: Manifest, fold: Splitting | None) -> Manifest:
    """Return a manifest with the splits of a fold or of lists; the same for None.

    Clips of one source video stay together. Which part of a fold they go to depends on the seed, the names of
    the corpus and of its source videos, and how many clips these have; parts differ by no more clips than a
    source video has.
    """
    if fold is None:
        return manifest
    splits = _splits(manifest, fold)
    table = manifest._clip_table(("clip", "split", "n_frames"), None, "ok")
    counts: Counter[str] = Counter()
    frames: Counter[str] = Counter()
    for clip, own, n_frames in zip(*(table[name].to_pylist() for name in table.column_names), strict=True):
        counts[splits.get(clip, own)] += 1
        frames[splits.get(clip, own)] += n_frames
    values = {each.name: getattr(manifest, each.name) for each in fields(Manifest)}
    values |= {
        "digests": {split: fold_digest(manifest.digests, split, fold) for split in manifest.digests},
        "counts": {split: counts[split] for split in manifest.counts},
        "frames": {split: frames[split] for split in manifest.frames},
    }
    return FoldedManifest(**values, whole=manifest, splits=splits)


def fold_digest(digests: Mapping[str, str], split: str, fold: Splitting | None) -> str:
    """Return the digest of a split in a fold or by lists, of the digests of a manifest's own splits."""
    if fold is None or split not in fold.dealt:
        return digests[split]
    parts = [*fold.rule, split, *(digests[name] for name in fold.dealt)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _splits(manifest: Manifest, fold: Splitting) -> dict[str, str]:
    """Deal the clips out, quarantined ones too: one that is mended moves no other."""
    if isinstance(fold, HeldOut) and not manifest.has_names:
        # Lists mean nothing to a corpus that is known by its clips' lengths alone: it keeps its own splits.
        return {}
    table = manifest._clip_table(("clip", "source_video", "split"), None, None)
    sources: dict[str, list[str]] = defaultdict(list)
    for clip, source, split in zip(*(table[name].to_pylist() for name in table.column_names), strict=True):
        if split in fold.dealt:
            sources[source].append(clip)
    return fold.deal(manifest.corpus, sources)


def _rank(seed: int, corpus: str, source: str) -> tuple[bytes, str]:
    return hashlib.sha256(f"fold\0{seed}\0{corpus}\0{source}".encode()).digest(), source
