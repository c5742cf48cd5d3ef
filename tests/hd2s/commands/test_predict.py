"""``python -m hd2s predict`` on a real H.264 video, on frames, and on a manifest's split."""

import re
import shutil
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from PIL import Image

from datasets.corpora.saliency_maps import MapReader
from datasets.reading.video import read_frames
from hd2s import build_model, load_weights, save_weights
from hd2s.__main__ import main
from hd2s.approaches.contract import LearnerOptions
from hd2s.approaches.registry import approaches
from hd2s.commands import predict
from hd2s.metrics.benchmark import resize_bicubic, to_eight_bit
from hd2s.models.contract import SaliencyModel
from hd2s.models.tested import AsTested
from hd2s.prediction.open_checkpoint import open_checkpoint
from hd2s.prediction.overlay import overlay
from hd2s.prediction.predictor import Predictor
from manifests import Clip, open_manifest, write
from tests.datasets.scored_corpus import write_scored
from tests.datasets.test_resizing import keys, linear, plain
from tests.hd2s.models.hd2s.published import random_state
from tests.hd2s.models.small_models import predict_clip
from tests.hd2s.models.tased.plain_tased import random_state as random_tased

SMALL = {"clip_length": 8, "height": 32, "width": 64}
SIZE, RATE, N = (90, 160), Fraction(24000, 1001), 19


def moving_square(i: int) -> np.ndarray:
    image = np.full((*SIZE, 3), (40, 60, 80), np.uint8)
    image[30:55, 5 * i : 5 * i + 25] = (220, 200, 60)
    return image


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "square.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for i in range(N):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moving_square(i), format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "small.pt"
    save_weights(build_model("hd2s", seed=0, fusion_gain=4.0, **SMALL), path)
    return path


def run(*arguments) -> int:
    small = ("--clip-length", "8", "--height", "32", "--width", "64", "--device", "cpu")
    return main(["predict", *map(str, arguments), *small])


def decoded(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return stream.codec_context.name, stream.average_rate, frames


@pytest.mark.slow
def test_an_overlay_has_the_source_s_size_rate_and_length(video, weights, tmp_path):
    assert run(video, "--weights", weights, "--out", tmp_path, "--overlay", "mp4", "--maps") == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["square", "square_overlay.mp4"]
    codec, rate, frames = decoded(tmp_path / "square_overlay.mp4")
    assert (codec, rate, len(frames)) == ("h264", RATE, N)
    maps = [np.asarray(Image.open(tmp_path / "square" / "maps" / f"{i + 1:04d}.png")) for i in range(N)]
    for frame, source, saliency in zip(frames, decoded(video)[2], maps, strict=True):
        assert frame.shape == (*SIZE, 3)
        assert np.abs(frame.astype(int) - overlay(source, saliency)).mean() < 4, "beyond what coding loses"
        assert saliency.max() == 255


@pytest.mark.slow
def test_maps_are_the_model_s(video, weights, tmp_path):
    assert run(video, "--weights", weights, "--out", tmp_path) == 0
    model = build_model("hd2s", seed=0, **SMALL)
    load_weights(model, weights)
    frames = [
        np.asarray(Image.fromarray(f).resize((64, 32), Image.Resampling.BILINEAR)) for f in decoded(video)[2]
    ]
    predictions = predict_clip(model, frames)
    for i, prediction in enumerate(predictions):
        found = np.asarray(Image.open(tmp_path / "square" / "maps" / f"{i + 1:04d}.png"))
        np.testing.assert_array_equal(found, to_eight_bit(resize_bicubic(prediction, SIZE)))


@pytest.mark.parametrize("kind", ["mp4", "gif", "png"])
@pytest.mark.slow
def test_a_folder_of_frames_of_odd_size(weights, tmp_path, kind):
    folder = tmp_path / "walk"
    folder.mkdir()
    for i in range(9, 12):  # 9, 10, 11: in the order of numbers
        Image.fromarray(moving_square(i)[:61, :99]).save(folder / f"f_{i}.png")
    out = tmp_path / "out"
    assert run(folder, "--weights", weights, "--out", out, "--overlay", kind, "--fps", "10") == 0
    if kind == "png":
        files = sorted((out / "walk" / "overlay").iterdir())
        assert [Image.open(file).size for file in files] == [(99, 61)] * 3
    elif kind == "gif":
        with Image.open(out / "walk_overlay.gif") as image:
            assert (image.size, image.n_frames, image.info["duration"]) == ((99, 61), 3, 100)
    else:
        codec, rate, frames = decoded(out / "walk_overlay.mp4")
        assert (codec, rate, [f.shape for f in frames]) == ("h264", 10, [(61, 99, 3)] * 3)


@pytest.mark.slow
def test_maps_as_one_video(video, weights, tmp_path):
    assert run(video, "--weights", weights, "--out", tmp_path, "--maps", "mp4") == 0
    _, rate, frames = decoded(tmp_path / "square_maps.mp4")
    assert (rate, len(frames), frames[0].shape) == (RATE, N, (*SIZE, 3))
    assert [p.name for p in tmp_path.iterdir()] == ["square_maps.mp4"]


@pytest.mark.slow
def test_a_submission_of_a_split(video, weights, tmp_path):
    clip = Clip(
        **{
            "corpus": "DHF1K",
            "split": "unannotated",
            "clip": "0701",
            "source_video": "0701",
            "media": "video",
        },
        **{
            "path": video.name,
            "frame_pattern": "",
            "map_pattern": "",
            "fixation_pattern": "",
            "codec": "h264",
        },
        **{"first_frame": 1, "first_annotation": 1, "n_frames": N, "fps": float(RATE), "width": SIZE[1]},
        **{"height": SIZE[0], "keyframes": (), "keyframe_frames": (), "n_fixated_frames": 0, "status": "ok"},
        **{"reason": "", "content": "", "size_bytes": 1, "mtime_ns": 1},
    )
    write(tmp_path / "manifest", "DHF1K", video.parent, [clip], {})
    out = tmp_path / "method"
    asked = ("--corpus", "dhf1k", "--manifest", tmp_path / "manifest", "--submission")
    assert run(*asked, "--weights", weights, "--out", out) == 0
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*.png")) == [
        f"0701/{i:04d}.png" for i in range(1, N + 1)
    ]
    assert Image.open(out / "0701" / "0001.png").size == (64, 32), "the model's, rounded once"


@pytest.mark.slow
def test_an_overlay_of_a_corpus_has_its_own_maps_on_the_right(weights, tmp_path):
    manifest = open_manifest(write_scored(tmp_path, {"0601": 4}))
    clip = manifest.clips("val")[0]
    asked = ("--corpus", "dhf1k", "--manifest", tmp_path / "manifest", "--split", "val", "--overlay", "png")
    assert run(*asked, "--maps", "--weights", weights, "--out", tmp_path / "out") == 0
    with Image.open(tmp_path / "out" / clip.clip / "overlay" / "0003.png") as image:
        shown = np.asarray(image)
    assert shown.shape == (clip.height, 2 * clip.width, 3)
    frame = read_frames(manifest.root, clip, start=2, count=1)[0]
    ours = np.asarray(Image.open(tmp_path / "out" / clip.clip / "maps" / "0003.png"))
    truth = MapReader(manifest).read(clip, 2)
    assert np.array_equal(shown, np.hstack([overlay(frame, ours), overlay(frame, truth)]))
    assert truth.any()


@pytest.fixture
def opened(monkeypatch):
    """Return the models that the command has opened."""
    models = []

    def opening(*arguments, **options):
        models.append(open_checkpoint(*arguments, **options))
        return models[-1]

    monkeypatch.setattr(predict, "open_checkpoint", opening)
    return models


def still(tmp_path, weights, *arguments) -> int:
    """Predict a single picture, with nothing said of the model's size."""
    folder = tmp_path / "still"
    folder.mkdir(exist_ok=True)
    Image.fromarray(moving_square(3)).save(folder / "1.png")
    given = ["predict", folder, "--weights", weights, "--out", tmp_path / "out", "--device", "cpu"]
    return main([*map(str, given), *arguments])


@pytest.mark.slow
def test_released_weights_of_the_adapted_model_are_recognised(tmp_path):
    torch.save(random_state("hd2s_da"), tmp_path / "released.pth")
    assert still(tmp_path, tmp_path / "released.pth", "--protocol", "released") == 0
    assert np.ptp(np.asarray(Image.open(tmp_path / "out" / "still" / "maps" / "0001.png"))) > 0


@pytest.mark.parametrize(
    ("state", "sizes", "kernel"),
    [(random_state, (16, 32, 64), keys), (random_tased, (32, 64, 64), linear)],
    ids=["HD2S", "TASED-Net"],
)
@pytest.mark.slow
def test_released_weights_see_the_pixels_that_they_were_trained_on(
    tmp_path, monkeypatch, state, sizes, kernel
):
    """HD2S's were tested, and so selected, on OpenCV's bicubic pixels, TASED-Net's on its bilinear ones."""
    seen, predicted = [], Predictor.__call__

    def watched(self, frames):
        return predicted(self, (seen.append(frame) or frame for frame in frames))

    monkeypatch.setattr(Predictor, "__call__", watched)
    torch.save(state("hd2s") if state is random_state else state(), tmp_path / "released.pth")
    asked = zip(("--clip-length", "--height", "--width"), map(str, sizes), strict=True)
    how = ("--protocol", "released", *(word for pair in asked for word in pair))
    assert still(tmp_path, tmp_path / "released.pth", *how) == 0
    assert len(seen) == 1
    expected = plain(moving_square(3), sizes[1:], kernel)
    assert np.abs(seen[0] - expected).max() < 0.9, "but for rounding"
    antialiased = Image.fromarray(moving_square(3)).resize(sizes[:0:-1], Image.Resampling.BILINEAR)
    assert np.abs(np.asarray(antialiased) - expected).max() > 20


VARIANTS = {
    "plain": ({"conspicuity": (3,), "fusion_gain": 2.0}, "generalization", ()),
    "domains": (
        {"domains": ("LEDOV", "DHF1K"), "priors": False, "max_sigma": 5.0},
        "domain-specific",
        ("--domain", "DHF1K"),
    ),
    "calibrated": ({"height": np.int64(64)}, "calibration", ()),
}


@pytest.mark.parametrize(("options", "approach", "arguments"), VARIANTS.values(), ids=VARIANTS)
@pytest.mark.slow
def test_what_is_predicted_with_is_what_a_checkpoint_tells(tmp_path, opened, options, approach, arguments):
    model = build_model("hd2s", seed=1, **SMALL | options)
    learner = approaches()[approach].learner(model, LearnerOptions())
    save_weights(learner.result(), tmp_path / "model.pt", approach)
    assert still(tmp_path, tmp_path / "model.pt", *arguments) == 0
    assert [type(each) for each in opened] == [type(learner.result())]
    assert opened[0].config == model.config
    assert (tmp_path / "out" / "still" / "maps" / "0001.png").exists()


@pytest.mark.slow
def test_the_command_line_s_size_and_model_go_before_the_checkpoint_s(tmp_path, opened, weights):
    assert still(tmp_path, weights, "--height", "64", "--model", "hd2s_da") == 0
    assert opened[0].declaration.word == "hd2s"
    assert (opened[0].config.height, opened[0].config.width) == (64, 64)


@pytest.mark.slow
def test_the_first_checkpoints_are_still_read(tmp_path, opened, weights):
    content = torch.load(weights, weights_only=True)
    of_version_1 = {"format": "hd2s-grid weights, version 1", "state": content["state"]}
    torch.save(of_version_1, tmp_path / "older.pt")
    size = ("--clip-length", "8", "--height", "32", "--width", "32")
    assert still(tmp_path, tmp_path / "older.pt", *size) == 0
    assert opened[0].declaration.word == "hd2s"


@pytest.mark.parametrize(("protocol", "quantise"), [("paper", False), ("released", True)])
@pytest.mark.slow
def test_the_released_protocol_rounds_before_learned_smoothing(tmp_path, opened, protocol, quantise):
    torch.save(random_state("hd2s_dsl"), tmp_path / "released.pth")
    size = ("--clip-length", "8", "--height", "32", "--width", "32", "--domain", "DHF1K")
    assert still(tmp_path, tmp_path / "released.pth", *size, "--protocol", protocol) == 0
    assert opened[0].config.domains == ("DHF1K", "Hollywood2", "UCFSports")
    assert opened[0].config.quantise == quantise


@pytest.mark.parametrize("kind", ["kinetics", "torchvision"])
def test_weights_without_decoders_are_refused(tmp_path, capsys, kind):
    torch.save(random_state(kind), tmp_path / "s3d.pth")
    assert still(tmp_path, tmp_path / "s3d.pth") == 2
    assert "starts a training and predicts nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.mp4"], "a video file or a folder of images"),
        ([], "either VIDEO"),
        (["VIDEO", "--corpus", "dhf1k"], "either VIDEO"),
        (["WEIGHTS"], "a video that decodes"),
        (["VIDEO", "VIDEO"], "a name of its own"),
        (["missing.mp4", "WEIGHTS"], "2 problems"),
    ],
)
def test_what_is_wrong_is_said_plainly(video, weights, capsys, arguments, said):
    named = {"VIDEO": video, "WEIGHTS": weights}
    arguments = [named.get(a, a) for a in arguments]
    out = weights.parent / "out"
    assert run(*arguments, "--weights", weights, "--out", out) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("rate", ["0", "-5", "1/0", "fast"])
def test_a_rate_is_positive(video, weights, capsys, rate):
    with pytest.raises(SystemExit) as exit_:
        run(video, "--weights", weights, "--out", weights.parent / "out", f"--fps={rate}")
    assert exit_.value.code == 2
    assert f"expected a positive rate such as 25 or 30000/1001, found {rate}" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "meta"])
def test_a_device_that_is_not_there(video, weights, capsys, device):
    arguments = ["predict", video, "--weights", weights, "--out", weights.parent / "out", "--device", device]
    assert main([*map(str, arguments)]) == 2
    assert f"--device {device}: not to be had here" in capsys.readouterr().err


@pytest.mark.slow
def test_a_prediction_that_is_not_finite_is_named(video, weights, tmp_path, capsys, monkeypatch):
    class Broken(Predictor):
        def __call__(self, frames):
            for i, saliency in enumerate(super().__call__(frames)):
                yield saliency if i < 6 else saliency * np.nan

    monkeypatch.setattr("hd2s.commands.predict.Predictor", Broken)
    assert run(video, "--weights", weights, "--out", tmp_path) == 2
    assert "square, frame 7: expected a finite prediction, found NaN" in capsys.readouterr().err
    assert len(list((tmp_path / "square" / "maps").iterdir())) == 6


def test_negative_values_are_told(tmp_path, capsys, monkeypatch):
    class Below(Predictor):
        def __call__(self, frames):
            for i, saliency in enumerate(super().__call__(frames)):
                yield saliency - (saliency.max() / 2 if i % 2 else 0)

    monkeypatch.setattr("hd2s.commands.predict.Predictor", Below)
    save_weights(build_model("chance", seed=0), tmp_path / "chance.pt")
    folder = tmp_path / "walk"
    folder.mkdir()
    for i in range(5):
        Image.fromarray(moving_square(i)).save(folder / f"{i}.png")
    given = [folder, "--weights", tmp_path / "chance.pt", "--out", tmp_path / "out", "--device", "cpu"]
    assert main(["predict", *map(str, given)]) == 0
    told = capsys.readouterr().out
    assert "/maps; 2 of them have negative values, which are written as 0" in " ".join(told.split())


def test_frames_are_never_written_over(weights, tmp_path, capsys):
    folder = tmp_path / "walk"
    folder.mkdir()
    Image.fromarray(moving_square(3)).save(folder / "0001.png")
    assert run(folder, "--weights", weights, "--out", tmp_path, "--submission") == 2
    assert "found what walk is read from. Give another --out." in capsys.readouterr().err
    np.testing.assert_array_equal(np.asarray(Image.open(folder / "0001.png")), moving_square(3))


@pytest.mark.slow
def test_a_folder_of_videos_is_predicted_and_what_was_written_is_said(video, weights, tmp_path, capsys):
    both = tmp_path / "both"
    both.mkdir()
    for name in ("one.mp4", "two.mp4"):
        shutil.copyfile(video, both / name)
    out = tmp_path / "out"
    assert run(both, "--weights", weights, "--out", out, "--overlay", "mp4", "--maps") == 0
    told = capsys.readouterr().out.splitlines()[-2:]
    assert told == [
        f"{name}: {N} frames in {out / name / 'maps'} and {out / f'{name}_overlay.mp4'}"
        for name in ("one", "two")
    ]
    assert len(list((out / "two/maps").iterdir())) == N


@pytest.mark.slow
def test_the_maps_of_inner_levels_are_written_beside_the_others(video, weights, tmp_path, capsys):
    assert run(video, "--weights", weights, "--out", tmp_path, "--maps", "--conspicuity", "mp4") == 0
    assert "square: conspicuity_1, " in (said := capsys.readouterr().out)
    assert f"saliency in {tmp_path / 'square_conspicuity.mp4'}" in " ".join(said.split())
    codec, rate, frames = decoded(tmp_path / "square_conspicuity.mp4")
    assert (codec, rate, len(frames), frames[0].shape) == ("h264", RATE, N, (32, 5 * 66, 3))


def test_what_does_not_fit_into_a_gpu_is_told_with_what_may(video, weights, tmp_path, monkeypatch, capsys):
    def full(predictor, frames):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Predictor, "__call__", full)
    for batch, remedy in ((16, "--batch 4"), (2, "--device cpu")):
        assert run(video, "--weights", weights, "--out", tmp_path, "--batch", batch) == 2
        told = capsys.readouterr().err
        assert told == f"cpu: too little memory for {batch} frames at a time; try {remedy}\n"
    # Another's process has taken the rest.
    monkeypatch.setattr(SaliencyModel, "to", full)
    assert run(video, "--weights", weights, "--out", tmp_path) == 2
    assert capsys.readouterr().err == "cpu: too little memory for the model; try --device cpu\n"


@pytest.mark.parametrize(
    ("plugins", "told"), [((), r"do not fit"), (("of then",), r"changed since it .* fit")]
)
def test_weights_that_an_edited_plug_in_cannot_take_are_told_with_that(tmp_path, capsys, plugins, told):
    weights, frames = tmp_path / "w.pt", tmp_path / "clip"
    model = build_model("hd2s", seed=0, **SMALL)
    save_weights(model, weights, approach="calibration", tested=AsTested(plugins=plugins))
    frames.mkdir()
    Image.fromarray(moving_square(0)).save(frames / "0001.png")
    assert main(["predict", str(frames), "--weights", str(weights), "--out", str(tmp_path / "out")]) == 2
    assert re.search(told, capsys.readouterr().err)
