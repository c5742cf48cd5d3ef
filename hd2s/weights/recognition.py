"""Which models a file of weights may be of."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from hd2s.models.registry import MODELS
from hd2s.weights.checkpoints import OWN_FORMAT, PUBLISHED_DOMAINS, WeightsError, read_content

Candidate = tuple[str, dict]
"""A name of `hd2s.build_model`, and options of its configuration."""


def candidates(path: str | os.PathLike) -> list[Candidate]:
    """Return the one model that our own checkpoint says it is of, or else all that are worth trying.

    Of the published domain-specific model the domains and the parts are read from its names. Raises
    WeightsError for a file that holds something else than weights, or whose description is damaged.
    """
    content = read_content(Path(path))
    if content.get("format") == OWN_FORMAT and "model" in content:
        match content["model"]:
            case {"name": str(name), "config": dict(config)}:
                return [(name, config)]
        raise WeightsError(f"{path}: what it says of its model is no name and configuration")
    return [(name, _domain_specific(content) if name == "hd2s_dsl" else {}) for name in MODELS]


def _domain_specific(content: Mapping) -> dict:
    """Return the domains and parts that a published state dict has; nothing where it names no domain.

    The batch norms spell a domain as it is; all other parts in small letters.
    """
    names = [str(name) for name in content]
    spelled = {found for name in names for found in re.findall(r"\.bn_(\w{2,})\.", name)}
    small = {found for name in names for found in re.findall(r"(?:last_block|GL|gaussians\d)__(\w+)", name)}
    ours = {theirs: own for own, theirs in PUBLISHED_DOMAINS.items()}
    known = {name.lower(): name for name in ("DHF1K", "UCFSports", "LEDOV", *ours, *spelled)}
    domains = {known.get(name.lower(), name) for name in small | spelled}
    if not domains:
        return {}
    return {
        "domains": tuple(sorted(ours.get(name, name) for name in domains)),
        "batch_norm": bool(spelled),
        "priors": any(re.search(r"gaussians\d__", name) for name in names),
        "smoothing": any("GL__" in name for name in names),
        "fusion": any("last_block__" in name for name in names),
    }
