"""What headers promise, held against what decodes: a file that was cut off is told from one that is whole."""

import av
import numpy as np
import pytest

from datasets.reading.container_header import Header
from datasets.reading.video import probe
from tests.datasets.small_corpora import moving_square, write_video

N = 40
FRAMES = moving_square(N)


def cut_at_packet(path, number):
    """Cut a video off before a packet, as a download that stopped may."""
    with av.open(str(path)) as container:
        positions = [packet.pos for packet in container.demux(video=0) if packet.size]
    path.write_bytes(path.read_bytes()[: positions[number]])


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [("x.AVI", "mpeg4", {"g": "10"}), ("x.mkv", "ffv1", {}), ("x.mp4", "mpeg4", {"g": "10"})],
)
def test_a_header_that_promises_more_tells_a_video_that_is_cut_off(tmp_path, name, codec, options):
    path = tmp_path / name
    write_video(path, FRAMES, codec, **options)
    assert probe(path).promised == N
    if name == "x.mp4":
        # The header of MP4 stands at the end, unless it is moved to the front for the web.
        with (
            av.open(str(path)) as source,
            av.open(str(tmp_path / "y.mp4"), "w", options={"movflags": "faststart"}) as out,
        ):
            stream = out.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
        (tmp_path / "y.mp4").replace(path)
        assert probe(path).promised == N
    cut_at_packet(path, 20)
    found = probe(path, threads=1)
    assert found.n_frames <= 20
    assert abs(found.promised - N) <= 1


def test_a_variable_frame_rate_and_sound_promise_nothing_more(tmp_path):
    pts = np.cumsum([0, *([20, 90, 40] * N)])[:N]
    write_video(tmp_path / "x.mkv", FRAMES, "ffv1", pts=[int(p) for p in pts])
    assert probe(tmp_path / "x.mkv").promised == N


def promised(path, n_frames, fps=25.0):
    """Return what a file's header promises if only so many of its frames decode."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        header = Header(container, stream)
        seen = 0
        for packet in container.demux(stream):
            if seen < n_frames:
                header.count(packet)
            for frame in packet.decode():
                if seen < n_frames:
                    header.see(frame)
                    seen += 1
        return header.promised(n_frames, fps)


@pytest.mark.parametrize("name", ["x.avi", "x.mp4", "x.mkv"])
def test_a_few_frames_fewer_are_no_file_cut_off(tmp_path, name):
    write_video(tmp_path / name, FRAMES, "mpeg4", fps=25, g="1")
    assert promised(tmp_path / name, N) == N
    assert promised(tmp_path / name, N - 1) == N - 1
    assert promised(tmp_path / name, N // 2) == pytest.approx(N, abs=1)


def test_other_containers_promise_nothing(tmp_path):
    write_video(tmp_path / "x.mpg", FRAMES, "mpeg1video", fps=25, g="1")
    assert promised(tmp_path / "x.mpg", N // 2) == N // 2
