"""Corpora that are not indexed yet, by what is published of them: enough to say what a grid will cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from datasets.corpora.registry import find
from datasets.listing.published_lengths import published_lengths
from manifests.schema import CLIP_SCHEMA, SPLITS, in_memory
from manifests.store import Manifest

_OF_ITS_TYPE = {pa.string(): "", pa.int64(): 0, pa.float64(): 0.0, pa.list_(pa.int64()): []}


@dataclass(frozen=True, slots=True)
class StandIn(Manifest):
    """What a manifest would say of the number and the length of clips, and nothing else that is true."""

    @property
    def has_names(self) -> bool:
        """They are counted."""
        return False

    def _clip_table(self, columns: Sequence[str], split: str | None, status: str | None) -> pa.Table:
        lengths = {
            name: known if split in (name, None) and status in ("ok", None) else ()
            for name, known in published_lengths(self.corpus).items()
        }
        told = [(name, n) for name in SPLITS for n in lengths.get(name, ())]
        known = {
            "corpus": [self.corpus] * len(told),
            "media": [_media(self.corpus)] * len(told),
            "split": [name for name, _ in told],
            "clip": [str(i) for i in range(len(told))],
            "source_video": [str(i) for i in range(len(told))],
            "n_frames": [n for _, n in told],
            "n_fixated_frames": [n for _, n in told],
            # Maps are shipped, or made: room for them is needed either way.
            "map_pattern": ["{}"] * len(told),
            "status": ["ok"] * len(told),
        }
        fields = [CLIP_SCHEMA.field(name) for name in columns]
        table = pa.table(
            {f.name: known.get(f.name, [_OF_ITS_TYPE[f.type]] * len(told)) for f in fields},
            schema=pa.schema(fields),
        )
        return table.cast(in_memory(CLIP_SCHEMA, columns))


def _media(corpus: str) -> str:
    adapter = find(corpus)
    return adapter.layouts[0].kind if adapter else "video"


def stand_in(corpus: str) -> StandIn | None:
    """Return what is published of a corpus in a manifest's place; None if nothing is."""
    lengths = published_lengths(corpus)
    if not lengths:
        return None
    return StandIn(
        folder=Path(),
        corpus=corpus,
        root="",
        # Ids made of it are none that a training of the corpus itself can have.
        digest="not indexed",
        digests={split: f"not indexed: {corpus}" for split in SPLITS},
        layout="",
        options={},
        counts={split: len(lengths.get(split, ())) for split in SPLITS},
        frames={split: sum(lengths.get(split, ())) for split in SPLITS},
        quarantined=0,
    )
