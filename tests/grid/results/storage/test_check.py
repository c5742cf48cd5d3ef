"""A storage that cannot be written to is told before anything starts, with what to do."""

import threading

import pytest

from grid.planning.prepare import prepare
from grid.results.storage import Storage
from grid.results.storage.check import check_storage
from manifests.problem import ProblemError
from tests.grid.grids import prepare_small, write_spec


def test_a_storage_that_takes_a_file_is_sound_and_keeps_none_of_ours(url, node):
    check_storage(url)
    assert Storage(url).files(".") == {}


def test_no_storage_is_sound():
    check_storage("")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("s3:/bucket/x", "s3"),
        ("nonsense://x/y", "nonsense"),
        ("file:///proc/nowhere", "/proc/nowhere"),
        ("s3://", "no folder in it"),
        ("s3://absent/x{server}", "NO_SUCH_BUCKET|does not exist"),
        ("s3://bucket/x?endpoint_override=127.0.0.1:9&scheme=http", "connect"),
    ],
)
@pytest.mark.slow
def test_a_url_that_cannot_be_written_to_is_told_with_what_to_do(wrong, told, server):
    with pytest.raises(ProblemError, match=told) as caught:
        check_storage(wrong.format(server=server))
    (problem,) = caught.value.problems
    assert problem.where == "storage.url"
    assert "credentials" in problem.remedy


def test_to_look_only_makes_no_folder_and_tells_all_the_same(tmp_path):
    check_storage(f"file://{tmp_path}/a/b", look_only=True)
    assert not any(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(ProblemError, match=r"file is no folder"):
        check_storage(f"file://{tmp_path}/file/b", look_only=True)


def test_a_plan_leaves_the_storage_as_it_is_and_knows_what_is_done_there(small_demo, tmp_path):
    url = f"file://{tmp_path}/storage"
    path = write_spec(small_demo)
    grid = prepare(str(path), [f"storage.url={url}"], small_demo, demo=True, tell=print, purpose="plan")
    assert not (tmp_path / "storage").exists()
    mine = grid.ledger.path("training", "mine")
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_bytes(b"here")
    theirs = tmp_path / "storage" / grid.storage.name(grid.ledger.path("training", "theirs").resolve())
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"there")
    grid.ledger.agree(give=False)
    assert [file.name for file in theirs.parent.iterdir()] == [theirs.name]
    assert grid.ledger.path("training", "theirs").read_bytes() == b"there"


def test_a_wrong_url_is_told_with_everything_else(small_demo):
    with pytest.raises(ProblemError) as caught:
        prepare_small(small_demo, "storage.url=nonsense://x/y", "train.lrr=1")
    assert {problem.where for problem in caught.value.problems} == {"storage.url", "settings"}


def test_a_storage_that_does_not_answer_is_not_waited_for(monkeypatch, tmp_path):
    never = threading.Event()

    def silent(url):
        never.wait(60)
        raise OSError("the test is over")

    monkeypatch.setattr("grid.results.storage.check._ANSWER_WITHIN_S", 0.01)
    monkeypatch.setattr("grid.results.storage.check.connect", silent)
    with pytest.raises(ProblemError, match=r"found no answer within 0\.01 s"):
        check_storage(f"file://{tmp_path}")
    never.set()
