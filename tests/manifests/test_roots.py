"""Roots: folders of this machine, and urls."""

import pytest

from manifests.roots import absolute, is_url


@pytest.mark.parametrize("root", ["s3://bucket/x", "file:///data", "gs://a"])
def test_a_url_is_no_folder_and_stays_as_it_is(root):
    assert is_url(root)
    assert absolute(root) == root


def test_a_folder_is_found_from_any_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    for root in ("data", "./a/../data", tmp_path / "link" / "data"):
        assert not is_url(root)
        assert absolute(root) == str(tmp_path / "data")
