"""Pictures beside the numbers: a few test frames, with where people looked and what a model predicts.

They are caught as frames and maps go by in an evaluation, so that nothing is decoded or predicted for them.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from grid.results import output_folder
from grid.results.files import write_atomically
from grid.results.storage import Storage
from hd2s.metrics.benchmark import resize_bicubic, to_eight_bit
from hd2s.prediction.overlay import overlay
from manifests.problem import ProblemError

_CLIPS = 3
# Of a panel and of the line over it, in pixels.
_WIDTH, _CAPTION = 288, 16
_MARK = 3
_OWNER = "evaluation"

_LOG = logging.getLogger(__name__)


def shown(clips: Mapping[str, int]) -> dict[str, int]:
    """Choose what is drawn of a test split, the same for every model: clip -> frame, in the middle of it.

    Args:
        clips: clip -> frames.
    """
    names = sorted(clips)
    places = {round(i * (len(names) - 1) / (_CLIPS - 1)) for i in range(_CLIPS)}
    return {names[place]: clips[names[place]] // 2 for place in sorted(places)}


class Sketch:
    """Catches one frame of a clip as it goes by, and draws it.

    Args:
        clip: its name, for the caption.
        wanted: the number of the frame; None for no picture.
    """

    def __init__(self, clip: str, wanted: int | None) -> None:
        self._clip, self._wanted = clip, wanted
        self._frame: np.ndarray | None = None
        self.drawn: bytes | None = None

    def passing(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the frames, uint8 (H, W, 3), as they are."""
        for i, frame in enumerate(frames):
            if i == self._wanted:
                self._frame = frame
            yield frame

    def take(self, i: int, points: np.ndarray, truth: np.ndarray, prediction: np.ndarray) -> None:
        """Draw frame `i` if it is the one, as `draw` does. A picture that fails is left out, and logged."""
        if i != self._wanted or self._frame is None:
            return
        try:
            caption = f"{self._clip}, frame {i + 1}"
            self.drawn = draw(self._frame, points, truth, prediction, caption)
        except Exception:  # noqa: BLE001 - a picture is no reason to lose scores
            _LOG.exception("frame %s is not drawn", i)


def keep(storage: Storage, evaluation: str, drawn: Mapping[str, bytes]) -> None:
    """Write an evaluation's pictures; what cannot be written is left out, and logged.

    Args:
        storage: where to.
        evaluation: its id.
        drawn: clip -> PNG file.
    """
    for clip, content in drawn.items():
        name = output_folder.picture(evaluation, clip)
        path = storage.path(name)
        try:
            signed = _signed(content, evaluation)
            write_atomically(path, partial(Path.write_bytes, data=signed), len(signed))
            storage.publish(name, keep=False)
        except (ProblemError, OSError) as error:
            _LOG.warning("%s is left out: %s", path, error)


def bring(storage: Storage, evaluation: str) -> None:
    """Bring an evaluation's pictures to the driver from where workers have written them, if there are any."""
    try:
        storage.agree(output_folder.pictures(evaluation), output_folder.PICTURE_SUFFIX)
    except (ProblemError, OSError) as error:
        _LOG.warning("the pictures of %s are left out: %s", evaluation, error)


def kept(out: Path, evaluation: str) -> list[Path]:
    """List an evaluation's pictures in the output folder, but those that say they are of another."""
    files = sorted((out / output_folder.pictures(evaluation)).glob(f"*{output_folder.PICTURE_SUFFIX}"))
    return [path for path in files if _is_of(path, evaluation)]


def _signed(content: bytes, evaluation: str) -> bytes:
    """Return a PNG file that says which evaluation it is of."""
    about, file = PngInfo(), io.BytesIO()
    about.add_text(_OWNER, evaluation)
    Image.open(io.BytesIO(content)).save(file, format="PNG", optimize=True, pnginfo=about)
    return file.getvalue()


def _is_of(path: Path, evaluation: str) -> bool:
    try:
        with Image.open(path) as image:
            owner = image.info.get(_OWNER, evaluation)
    except OSError:
        return True  # whoever opens it says so
    if owner != evaluation:
        _LOG.warning("%s is a picture of %s, and is left out", path, owner)
    return bool(owner == evaluation)


def draw(
    frame: np.ndarray, points: np.ndarray, truth: np.ndarray, prediction: np.ndarray, caption: str
) -> bytes:
    """Draw a frame twice, one below the other: with people's map and with the predicted one, and fixations.

    Args:
        frame: uint8 (H, W, 3), RGB.
        points: (n, 2), row and column of the fixated pixels, out of the `truth`'s.
        truth: uint8 (H', W'), at the clip's own resolution.
        prediction: float (H, W), not negative.
        caption: what is drawn.

    Returns:
        A PNG file.
    """
    height, width = round(_WIDTH * truth.shape[0] / truth.shape[1]), _WIDTH
    plain = np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC))
    sheet = Image.new("RGB", (width, 2 * (height + _CAPTION)), "white")
    pen = ImageDraw.Draw(sheet)
    spots = (np.asarray(points).reshape(-1, 2) + 0.5) * np.divide((height, width), truth.shape)
    panels = ((f"people: {caption}", truth), ("prediction", to_eight_bit(prediction)))
    for i, (told, saliency) in enumerate(panels):
        top = i * (height + _CAPTION)
        pen.text((_MARK, top + 2), told, fill="black")
        panel = overlay(plain, _resized(saliency, (height, width)))
        sheet.paste(Image.fromarray(panel), (0, top + _CAPTION))
        for row, column in np.add(spots, (top + _CAPTION, 0)):
            pen.ellipse((column - _MARK, row - _MARK, column + _MARK, row + _MARK), "yellow", "black")
    file = io.BytesIO()
    sheet.save(file, format="PNG", optimize=True)
    return file.getvalue()


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.clip(np.rint(resize_bicubic(image, size)), 0, 255).astype(np.uint8)
