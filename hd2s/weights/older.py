"""Checkpoints of version 1 as this version writes them; the only place that knows their form.

There the name of a model stood for model and approach together, and whatever was trained beside the model
was saved as a part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FORMAT = "hd2s-grid weights, version 1"
_APPROACHES = {"hd2s_da": "adaptation", "hd2s_dsl": "domain-specific", "hd2s_calibrated": "calibration"}
_BESIDE = "adversarial."
_AROUND = "calibration."


def modernised(content: Mapping[str, Any], new_format: str) -> Mapping[str, Any]:
    """Return a file's content; of a checkpoint of version 1, as the present version writes it.

    Args:
        content: of any file of weights.
        new_format: what the present version's `format` says.
    """
    if content.get("format") != _FORMAT:
        return content
    made_from, state = content.get("model"), content.get("state")
    changed: dict[str, Any] = {"format": new_format, "approach": "", "state": state}
    if isinstance(state, Mapping) and all(isinstance(name, str) for name in state):
        around = any(name.startswith(_AROUND) for name in state)
        changed["state"] = {
            f"model.{name}" if around and not name.startswith(_AROUND) else name: tensor
            for name, tensor in state.items()
            if not name.startswith(_BESIDE)
        }
        changed["approach"] = "calibration" if around else ""
    if isinstance(made_from, Mapping):
        name = made_from.get("name")
        changed["approach"] = _APPROACHES.get(str(name), changed["approach"])
        known_by = {"name": "hd2s"} if name in _APPROACHES else {}
        changed["model"] = {**made_from, **known_by}
    elif made_from is not None:
        changed["model"] = made_from
    return changed
