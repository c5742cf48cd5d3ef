"""One clip of DHF1K that tests damage: as a video (`video_clip`) or as a folder of frames (`frame_clip`)."""

from datasets.corpora.registry import get
from datasets.indexing.read_entry import read_entry
from tests.datasets.small_corpora import write_dhf1k, write_dhf1k_frames

DHF1K = get("dhf1k")

VIDEO, FRAMES = "video/001.AVI", "video/0001"
MAPS, FIXATIONS = "annotation/0001/maps", "annotation/0001/fixation"


def read(root, clip="0001"):
    (entry,) = [entry for entry in DHF1K.list(root).entries if entry.clip == clip]
    return read_entry(DHF1K, root, entry)


def video_clip(root):
    write_dhf1k(root, 1, 6)


def frame_clip(root):
    write_dhf1k_frames(root, "tased", 1, 6)


def empty(folder):
    for file in folder.iterdir():
        file.unlink()


def cut(path, share=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
