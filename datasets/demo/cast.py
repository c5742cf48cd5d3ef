"""Which clips each demo corpus holds, by their real names.

Names come from the published lists, so that these lists split the demo as they split the real corpora.
``name:frames`` fixes a length; the others are drawn. Test clips are short because every grid scores every
frame of them several times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby

import numpy as np

from datasets.demo.domains import Domain


@dataclass(frozen=True, slots=True)
class Take:
    """One clip to be made; ``frame_rate`` is in frames per second, ``first_frame`` numbers its files."""

    clip: str
    split: str
    source_video: str
    n_frames: int
    width: int
    height: int
    frame_rate: Fraction
    first_frame: int = 1


def _names(prefix: str, names: str) -> list[str]:
    return [prefix + name for name in names.split()]


_CAST: dict[str, dict[str, list[str]]] = {
    "dhf1k": {
        "train": _names(
            "", "0001 0002 0003 0004 0005 0006 0007 0008 0009 0010 0011 0039 0156 0332 0396 0544"
        ),
        "val": _names("", "0021 0033 0057"),
        "test": _names("", "0601:16 0602:18 0603:14 0604:16 0605:16"),
    },
    # Shots of one source video share its size and its frame count. 00197_3 is too short for the published
    # lists, as in life, and a third of the test shots have fewer than 16 frames.
    "hollywood2": {
        "train": _names(
            "actioncliptrain",
            "00082_2 00082_3 00082_5 00197_2 00201_1 00201_2 00201_3 00201_4 00291_1 00291_2 "
            "00725_6 00725_10 00725_11 00817_1 00817_2 00817_6 00817_7",
        ),
        "val": _names("actioncliptrain", "00082_4 00201_5 00817_5"),
        "unlisted": _names("actioncliptrain", "00197_3:7"),
        "test": _names("actioncliptest", "00001_1:16 00001_2:19 00002_1:9 00002_2:17 00006_1:1 00006_2:18"),
    },
    "ucf_sports": {
        "train": _names(
            "",
            "Diving-Side-005 Golf-Swing-Front-003 Golf-Swing-Side-005 Kicking-Front-007 Kicking-Side-002 "
            "Lifting-003 Riding-Horse-008 Run-Side-010 SkateBoarding-Front-010 Swing-Bench-011 "
            "Swing-SideAngle-012 Walk-Front-011",
        ),
        "val": _names("", "Kicking-Side-009 Riding-Horse-011 Run-Side-013"),
        "test": _names("", "Diving-Side-001:18 Kicking-Front-001:16 Run-Side-001:18 Walk-Front-001:18"),
    },
    "ledov": {
        "train": _names("animal_fish", "01 02 03 04 05 06 07 08"),
        "val": _names("animal_fish", "09 10"),
        "test": _names("animal_fish", "11:30 12:30 13:30"),
    },
    # Validation photographs are those that the adapter draws.
    "salicon": {
        "train": _names(
            "COCO_train2014_",
            "000000000009 000000000025 000000000030 000000000061 000000000064 000000000071 000000000072 "
            "000000000077 000000000078 000000000081 000000000086 000000000089 000000000092 000000000094 "
            "000000000110 000000000113 000000000138 000000000142 ",
        ),
        "val": _names("COCO_train2014_", "000000000109 000000000127"),
        "test": _names(
            "COCO_val2014_", "000000000042 000000000073 000000000074 000000000133 000000000136 000000000139"
        ),
        "unannotated": _names("COCO_test2014_", "000000000001 000000000014"),
    },
    "mit1003": {
        "test": _names(
            "i",
            "05june05_static_street_boston_p1010764 05june05_static_street_boston_p1010785 1001773457 "
            "1014938461 1017664343 1019197413 102423191 1032837416 1045062455 1052612601 1057013472 "
            "1060864397 106135540 static_submitted_bysubmission_1 static_submitted_bysubmission_2 "
            "static_submitted_bysubmission_3 110692694 1126242155 1128388098 1130628617",
        ),
    },
    "mit300": {"unannotated": _names("i", "1 2 3 4 5 6")},
}


def keyed_rng(seed: int, *names: str) -> np.random.Generator:
    """Return a generator that depends on the seed and the names alone, never on what was drawn before."""
    return np.random.default_rng([seed, *"/".join(names).encode()])


def takes(domain: Domain, seed: int) -> list[Take]:
    """Every clip of a domain, by split, in the order of its cast."""
    cast = [
        _take(domain, seed, split, entry) for split, names in _CAST[domain.word].items() for entry in names
    ]
    if domain.cut_into_shots:
        numbered = {take.clip: take for take in _number_shots(cast)}
        cast = [numbered[take.clip] for take in cast]
    return cast


def _take(domain: Domain, seed: int, split: str, entry: str) -> Take:
    clip, _, frames = entry.partition(":")
    source = clip.rpartition("_")[0] if domain.cut_into_shots else clip
    rng = keyed_rng(seed, domain.word, source, "format")
    width, height = domain.sizes[rng.integers(len(domain.sizes))]
    frame_rate = Fraction(domain.frame_rates[rng.integers(len(domain.frame_rates))])
    low, high = domain.n_frames
    n_frames = (
        int(frames) if frames else int(keyed_rng(seed, domain.word, clip, "length").integers(low, high + 1))
    )
    return Take(clip, split, source, n_frames, width, height, frame_rate)


def _number_shots(cast: Iterable[Take]) -> Iterator[Take]:
    """Let each source video start at frame 3 and leave out three frames between two of its shots."""
    ordered = sorted(cast, key=lambda take: (take.source_video, int(take.clip.rpartition("_")[2])))
    for _, shots in groupby(ordered, key=lambda take: take.source_video):
        number = 3
        for shot in shots:
            yield replace(shot, first_frame=number)
            number += shot.n_frames + 3
