"""SALICON's first edition: the photographs and layouts of `datasets.corpora.salicon`, other fixations."""

from __future__ import annotations

from datasets.corpora.salicon import Salicon


class Salicon2015(Salicon):
    """The adapter."""

    name = "SALICON2015"
    word = "salicon2015"
    title = "SALICON (2015)"
    edition = "2015"
    had_from = (
        "http://salicon.net/challenge-2015: images 3.0 GB, with the maps and fixations of 2015 (terms"
        " not stated; to be cited as CVPR 2015; whom to ask is not stated)"
    )


CORPUS = Salicon2015()
