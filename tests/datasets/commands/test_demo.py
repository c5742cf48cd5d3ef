"""``python -m datasets demo``: what is generated, and where it says that it is."""

import pytest

from datasets.__main__ import main
from datasets.demo import generate
from datasets.demo.domains import PHOTOGRAPHS

# All of them generate corpora.
pytestmark = pytest.mark.slow


def test_the_corpora_are_generated_and_their_roots_printed(demo_corpora, capsys):
    """Those that are there already are kept, and so it takes no time."""
    out = demo_corpora["dhf1k"].parent
    generate(out, domains=PHOTOGRAPHS)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert main(["demo", "--out", str(out)]) == 0
    roots = demo_corpora | {"salicon": out / "SALICON", "mit1003": out / "MIT1003", "mit300": out / "MIT300"}
    assert capsys.readouterr().out == "".join(f"{word}: {root}\n" for word, root in roots.items())
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_a_folder_that_holds_a_real_corpus_is_left_alone_with_status_2(tmp_path, capsys):
    (tmp_path / "LEDOV").mkdir()
    (tmp_path / "LEDOV" / "VideoNameList.mat").write_bytes(b"precious")
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert "expected nothing, or a demo corpus with its demo.json" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*.mat")] == ["VideoNameList.mat"]


def test_a_place_must_be_given(capsys):
    with pytest.raises(SystemExit) as error:
        main(["demo"])
    assert error.value.code == 2
    assert "--out" in capsys.readouterr().err
