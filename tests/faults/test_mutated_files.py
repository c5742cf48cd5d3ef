"""Files with bytes flipped, cut off, cut out and put in: what is read is what was written, or an error.

Every reader gives the right content, or raises what it documents, naming the file. Where a format has a
checksum, nothing else is ever taken for the content; a video or a JPEG has none, and may decode otherwise.
"""

import warnings
from pathlib import Path
from types import SimpleNamespace

import av
import h5py
import numpy as np
import pyarrow as pa
import pytest
import scipy.io
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from datasets.corpus import ClipError, Entry
from datasets.damaged import describe
from datasets.frame_store.checksummed import Checksummed, DamageError, file_size
from datasets.frame_store.checksummed import write as write_rows
from datasets.listing.split_lists import read_lists
from datasets.reading.fixation_points import read_fixation_mats
from datasets.reading.images import open_image
from datasets.reading.numbered_files import numbered
from datasets.reading.video import probe, read_frames
from grid.plan import Evaluation, Training
from grid.results.checks import FRAME_SCHEMA
from grid.results.ledger import Ledger
from grid.results.storage import Storage
from grid.training.states import SavedStates
from hd2s.weights.checkpoints import OWN_FORMAT, WeightsError, load_weights
from manifests import Clip, Finding, ProblemError, open_manifest, write
from manifests.store import ManifestError

WIDTH, HEIGHT, FRAMES = 64, 48, 12
MANY = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Where in a file: near its beginning or end, where formats keep what they say of themselves, or anywhere.
PLACES = st.integers(0, 300) | st.integers(-300, -1) | st.floats(0, 1, exclude_max=True)
EDITS = st.tuples(st.just("flip"), PLACES, st.integers(0, 7)) | st.one_of(
    st.tuples(st.just("cut"), PLACES, st.just(0)),
    st.tuples(st.just("take out"), PLACES, st.integers(1, 40)),
    st.tuples(st.just("put in"), PLACES, st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("write over"), PLACES, st.binary(min_size=1, max_size=40)),
)
MUTATIONS = st.lists(EDITS, min_size=1, max_size=3)


def mutated(content: bytes, edits) -> bytes:
    content = bytearray(content)
    for kind, place, what in edits:
        if not content:
            break
        at = int(place * len(content)) if isinstance(place, float) else place % len(content)
        if kind == "flip":
            content[at] ^= 1 << what
        elif kind == "cut":
            del content[at:]
        elif kind == "take out":
            del content[at : at + what]
        elif kind == "put in":
            content[at:at] = what
        else:
            content[at : at + len(what)] = what
    return bytes(content)


class Damaged:
    """A file of which every mutation is read.

    Args:
        path: the file, sound.
        read: returns what it holds, as something that can be compared.
        errors: what may be raised instead, each naming the file.
    """

    def __init__(self, path, read, errors):
        self.path, self.read, self.errors = path, read, errors
        self.content, self.sound = path.read_bytes(), read()

    def holds(self, edits):
        """Return whether a mutation still reads as the sound file; None where it is refused."""
        self.path.write_bytes(mutated(self.content, edits))
        try:
            return self.read() == self.sound
        except self.errors as error:
            assert self.path.name in f"{error} {getattr(error, 'path', '')}"
            return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mutated")


@pytest.fixture(scope="module")
def files(folder):
    """Word -> `Damaged`, made when first asked for."""
    made = {}

    def get(word, make, *options):
        if word not in made:
            (place := folder / word).mkdir()
            made[word] = make(place, *options)
        return made[word]

    return get


def clip_of(i, split):
    numbers = {"first_frame": 1, "first_annotation": 1, "n_frames": 20 + i, "width": WIDTH, "height": HEIGHT}
    names = {"map_pattern": f"maps/{i}/{{:04d}}.png", "content": f"{i:016x}", "codec": "mpeg4", "fps": 30.0}
    entry = Entry(f"{i:03d}", split, f"{i:03d}", "video", f"video/{i:03d}.avi")
    return describe("DHF1K", entry, **numbers, **names)


def manifest_file(place, name):
    clips = [clip_of(i, split) for i, split in enumerate(["train"] * 6 + ["val"] * 3 + ["test"] * 4)]
    rng = np.random.default_rng(0)
    points = {clip.clip: rng.integers([20, HEIGHT, WIDTH], size=(30, 3)) for clip in clips}
    findings = [Finding("note", "k", str(i), "p", "this", "that", "do") for i in range(5)]
    write(place, "DHF1K", place, clips, points, findings=findings)

    def read():
        manifest = open_manifest(place)
        rows = []
        for split in ("train", "val", "test"):
            fixations = manifest.fixations(split)
            for clip in manifest.clips(split):
                rows.append((clip, [part.tolist() for part in fixations.of(clip.clip)]))
        return manifest, rows, manifest.lengths("test").tolist(), manifest.problems()

    return Damaged(place / name, read, ManifestError)


@pytest.mark.parametrize("name", ["clips.parquet", "fixations.parquet", "problems.parquet"])
@given(edits=MUTATIONS)
@MANY
@pytest.mark.slow
def test_a_manifest(files, name, edits):
    assert files(name, manifest_file, name).holds(edits) is not False


def result_file(place, kind):
    training = Training("training", "", "hd2s", "generalization", ("DHF1K",), None, 0, None, {})
    evaluation = Evaluation("evaluation", "", "training", "DHF1K", {})
    ledger = Ledger(place)
    (place / "best.pt").write_bytes(b"weights")
    curve = [{"step": step, "name": "val/kld", "value": 1 / step} for step in range(1, 20)]
    ledger.write_training(training, curve, {"best_kld": 1.25, "checkpoint": "best.pt"})
    columns = {"clip": ["a"] * 9, "frame": range(9), "n_fixations": range(9), "NSS": np.linspace(0, 2, 9)}
    schema = pa.schema([*FRAME_SCHEMA, ("NSS", pa.float64())])
    ledger.write_evaluation(evaluation, pa.table(columns, schema=schema), {"unread": {}}, expected={"a": 9})

    def read():
        if kind == "training":
            result, rows = ledger.read_training(kind), lambda found: found.curve
        else:
            result, rows = ledger.read_evaluation(kind), lambda found: found.frames.to_pylist()
        if result is None:
            raise ProblemError([p for p in ledger.problems() if f"{kind}-" in p.where])
        return result.summary, rows(result)

    return Damaged(ledger.path(kind, kind), read, ProblemError)


@pytest.mark.parametrize("kind", ["training", "evaluation"])
@given(edits=MUTATIONS)
@MANY
def test_a_result_counts_as_not_done_and_is_listed(files, kind, edits):
    assert files(kind, result_file, kind).holds(edits) is not False


def state_of(step):
    weights = {"w": torch.arange(12.0) + step, "b": torch.ones(3)}
    return {"model": weights, "progress": {"step": step, "curve": [{"step": step, "value": 1.5}]}}


def state_file(place):
    storage = Storage(folder=str(place))
    states = SavedStates(storage, "training")
    states.save(1, state_of(1))
    return Damaged(storage.path(states.save(2, state_of(2))), lambda: repr(states.newest()), ())


@given(edits=MUTATIONS)
@MANY
def test_the_state_before_a_damaged_one_is_gone_on_from(files, edits):
    file = files("state", state_file)
    assert file.holds(edits) or file.read() == repr(state_of(1))


class Plain(torch.nn.Linear):
    """As a model that knows no other layout than its own."""

    declaration = SimpleNamespace(layouts=())


def weights_file(place, zipped):
    model, path = Plain(3, 4), place / "weights.pt"
    content = {"format": OWN_FORMAT, "state": model.state_dict()}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)

    def read():
        read = Plain(3, 4)
        load_weights(read, path)
        return repr(read.state_dict())

    return Damaged(path, read, WeightsError)


@given(edits=MUTATIONS)
# One bit of an entry's attributes, for which PyTorch would return memory as it finds it.
@example(edits=[("flip", 1488, 4)])
@MANY
def test_weights(files, edits):
    assert files("weights", weights_file, True).holds(edits) is not False


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@given(edits=MUTATIONS)
@MANY
def test_weights_of_before_there_were_checksums(files, edits):
    files("old weights", weights_file, False).holds(edits)


def rows_file(place):
    array, path = np.arange(5 * 24, dtype=np.uint8).reshape(5, 4, 6), place / "rows"
    with path.open("wb") as file:
        write_rows(file, array, array.shape)
    assert path.stat().st_size == file_size(array.shape)

    def read():
        out = np.empty((3, 4, 6), np.uint8)
        try:
            Checksummed(path, array.shape).read_into(out, 1)
        except DamageError as error:
            raise DamageError(f"{path}: {error}") from error
        return out.tolist()

    return Damaged(path, read, DamageError)


@given(edits=MUTATIONS)
@MANY
def test_an_entry_of_the_frame_store(files, edits):
    assert files("rows", rows_file).holds(edits) is not False


def picture(i=0):
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([(40 + 3 * i + x) % 256, (60 + y + 2 * i) % 256, x * y % 256], -1).astype(np.uint8)


def image_file(place, name):
    Image.fromarray(picture()).save(place / name)
    return Damaged(place / name, lambda: np.asarray(open_image(place, name)).tolist(), ClipError)


@given(edits=MUTATIONS)
@MANY
def test_a_png(files, edits):
    assert files("png", image_file, "1.png").holds(edits) is not False


@pytest.mark.parametrize("name", ["1.jpg", "1.bmp"])
@given(edits=MUTATIONS)
@MANY
def test_an_image_without_checksums(files, name, edits):
    files(name, image_file, name).holds(edits)


def frames_file(place):
    for i in range(3):
        Image.fromarray(picture(i)).save(place / f"{i + 1}.png")
    clip = describe(
        "Mine",
        Entry("a", "train", "a", "frames", "."),
        **{"frame_pattern": "{:d}.png", "first_frame": 1, "n_frames": 3, "width": WIDTH, "height": HEIGHT},
    )
    return Damaged(place / "2.png", lambda: read_frames(place, clip).tolist(), ProblemError)


@given(edits=MUTATIONS)
@MANY
def test_a_folder_of_frames(files, edits):
    assert files("frames", frames_file).holds(edits) is not False


CODECS = {"a.avi": "mpeg4", "b.mp4": "libx264", "c.mkv": "libx264", "d.mp4": "mpeg4"}


def video_file(place, name):
    with av.open(str(place / name), "w") as container:
        stream = container.add_stream(CODECS[name], rate=30, options={"g": "5"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for i in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(i), format="rgb24")))
        container.mux(stream.encode())
    found = probe(place / name, 1)
    keys = {"keyframes": found.keyframes, "keyframe_frames": found.keyframe_frames}
    size = {"width": WIDTH, "height": HEIGHT, "n_frames": found.n_frames}
    clip: Clip = describe("Mine", Entry("a", "train", "a", "video", name), **size, **keys)

    def read():
        whole = read_frames(place, clip, threads=1)
        assert whole.shape == (FRAMES, HEIGHT, WIDTH, 3)
        # From the last keyframe on, which is sought.
        assert read_frames(place, clip, start=11, count=1, threads=1).shape == (1, HEIGHT, WIDTH, 3)

    return Damaged(place / name, read, ProblemError)


@pytest.mark.parametrize("name", CODECS)
@given(edits=MUTATIONS)
@MANY
def test_a_video_is_read_as_indexed_or_named(files, name, edits):
    files(name, video_file, name).holds(edits)


@pytest.mark.parametrize("name", CODECS)
@given(edits=MUTATIONS)
@MANY
def test_a_video_is_indexed_or_refused(files, name, edits):
    file = files(name, video_file, name)
    file.path.write_bytes(mutated(file.content, edits))
    try:
        found = probe(file.path, 1)
    except (ClipError, av.FFmpegError):
        return
    assert found.n_frames > 0
    assert len(found.keyframes) == len(found.keyframe_frames)


def test_a_codec_that_nobody_knows_and_a_title_in_another_encoding(tmp_path):
    file = video_file(tmp_path, "a.avi")
    file.path.write_bytes(file.content.replace(b"FMP4", b"XQZW"))
    with pytest.raises(ClipError, match="found a codec that FFmpeg does not know"):
        probe(file.path, 1)
    assert file.holds([]), "it is read as it was"
    # The encoder's own name stands in the header, as a title would.
    assert b"Lavf" in file.content
    file.path.write_bytes(file.content.replace(b"Lavf", b"L\xe9vf"))
    assert probe(file.path, 1).n_frames == FRAMES


def mat_file(place, form):
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[3, 4] = pixels[10, 20] = 1
    path = place / "1.mat"
    if form == "7.3":
        with h5py.File(path, "w") as file:
            data = file.create_dataset("I", data=pixels.T, compression="gzip")
            data.attrs["MATLAB_class"] = np.bytes_("uint8")
    else:
        scipy.io.savemat(path, {"I": pixels}, do_compression=form == "5 compressed")
    listed = numbered(place, ".", ("mat",))
    size = (WIDTH, HEIGHT)
    return Damaged(path, lambda: list(read_fixation_mats(place, listed, size).rows.tolist()), ClipError)


@pytest.mark.parametrize("form", ["5", "5 compressed", "7.3"])
@given(edits=MUTATIONS)
# The kind of the numbers, of which scipy would end the process.
@example(edits=[("flip", 176, 1)])
@MANY
def test_fixations_of_a_mat_file(files, form, edits):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held = files(form, mat_file, form).holds(edits)
    assert held is not False or form != "5 compressed"


def list_file(place):
    path: Path = place / "train.txt"
    path.write_text("a.mp4\nb\n# c\nsub/c.avi\né\n", encoding="utf-8")
    (place / "val.txt").write_text("d\n")
    return Damaged(path, lambda: read_lists(place, ["a", "b", "c", "d", "é"]), ProblemError)


@given(edits=MUTATIONS)
@MANY
def test_a_list_of_clips(files, edits):
    files("list", list_file).holds(edits)
