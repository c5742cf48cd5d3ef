"""Credentials are refused in urls, and what looks like one is never written: the one place that masks."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

_MASK = "***"
_SECRET_NAMES = r"(?:(?:access|api)_?key|secret|token|passw(?:or)?d|credential)"
# Of a url: user:password@, where a password may hold slashes; and what follows such a name in its query.
_USER = re.compile(r"(?i)\b((?!file:)[a-z][a-z0-9+.-]*://)[^\s@\"'<>]*:[^\s@\"'<>]*@")
_ASKED = rf"(?:[a-z_-]*{_SECRET_NAMES}[a-z_]*|sig|signature|x-amz-[a-z-]+)"
_QUERY = re.compile(rf"(?i)([?&;]{_ASKED}=)[^&\s\"'<>)]+")
# Keys of AWS, GitHub, Hugging Face and OpenAI, which are known by how they begin.
_KEYS = re.compile(r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[a-z]_\w{30,}|hf_\w{30,}|sk-[\w-]{30,})\b")
_SECRET_VARIABLE = re.compile(rf"(?i){_SECRET_NAMES}")
_SHORTEST_SECRET = 8


def has_credentials(url: str) -> bool:
    """Whether a url holds a password or a key."""
    return bool(_USER.match(url) or _QUERY.search(url) or _KEYS.search(url))


def masked(text: str) -> str:
    """Return a text without what looks like a secret.

    Credentials in urls and well-known kinds of keys become ***; the value of an environment variable that is
    called so (AWS_SECRET_ACCESS_KEY, …) becomes a reference to it.
    """
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST_SECRET and _SECRET_VARIABLE.search(name):
            text = text.replace(value, f"${{oc.env:{name}}}")
    text = _USER.sub(rf"\1{_MASK}@", text)
    return _KEYS.sub(_MASK, _QUERY.sub(rf"\1{_MASK}", text))


def all_masked(content: Any) -> Any:
    """Return plain values, lists and mappings with every text in them masked."""
    if isinstance(content, str):
        return masked(content)
    if isinstance(content, Mapping):
        return {name: all_masked(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return type(content)(map(all_masked, content))
    return content
