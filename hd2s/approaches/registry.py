"""The approaches by word: those in this folder, and those that plug-ins bring."""

from __future__ import annotations

from hd2s import approaches as package
from hd2s.approaches.declaration import Approach
from hd2s.registry import Registry

APPROACHES: Registry[Approach] = Registry("approach", package, "APPROACH")

approaches = APPROACHES.known
register = APPROACHES.register
