"""Nothing secret is written: credentials in urls, keys known by their look, values of the environment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.problem import Problem, ProblemError
from manifests.secrets import all_masked, has_credentials, masked

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEY = "AKIAIOSFODNN7EXAMPLE"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"s3://{KEY}:{SECRET}@bucket/hd2s?region=x", "s3://***@bucket/hd2s?region=x"),
        ("at http://me:pa%20ss@host:5000/#/runs.", "at http://***@host:5000/#/runs."),
        ("postgresql+psycopg2://u:p@h/db", "postgresql+psycopg2://***@h/db"),
        ("s3://b/x?secret_key=abc&region=eu", "s3://b/x?secret_key=***&region=eu"),
        ("https://a/b?X-Amz-Signature=0123abc&sig=q%3D", "https://a/b?X-Amz-Signature=***&sig=***"),
        (f"the key {KEY} is not known", "the key *** is not known"),
        ("token hf_" + "a" * 34, "token ***"),
        # What is no secret stays as it is.
        ("s3://bucket/hd2s?endpoint_override=127.0.0.1:9000&scheme=http", None),
        ("abfss://container@account.dfs.core.windows.net/x", None),
        ("http://127.0.0.1:5000/#/experiments", None),
        ("file:///data/a:b@c", None),
        ("http://host/x?design=blue&tokens=", None),
        ("train.lr=3e-4 and a@b.org: no url", None),
    ],
)
def test_what_looks_like_a_secret_is_masked_and_nothing_else(text, expected):
    assert masked(text) == (text if expected is None else expected)
    assert masked(masked(text)) == masked(text)


_CHARACTERS = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="@\"'<>/")


@given(st.text(_CHARACTERS, min_size=6), st.text(_CHARACTERS, min_size=6), st.text(min_size=1, max_size=20))
def test_no_password_of_a_url_comes_through(user, password, around):
    url = f"s3://{user.replace(':', '')}:{password}@bucket/folder"
    assert has_credentials(url)
    # Where the text around does not say it by itself.
    if password not in f"{around} s3://***@bucket/folder":
        assert password not in masked(f"{around} {url} {around}")


def test_secrets_of_the_environment_become_references(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("MY_TOKEN", "short")
    assert masked(f"signed with {SECRET}") == "signed with ${oc.env:AWS_SECRET_ACCESS_KEY}"
    assert masked("a short text") == "a short text"
    url = f"s3://a:{SECRET}@b/x"
    content = {"storage": {"url": url}, "list": [SECRET, 1], "pair": (SECRET,), "none": None}
    assert SECRET not in str(all_masked(content))
    assert all_masked(content)["list"][1] == 1


def test_a_problem_never_tells_one():
    problem = Problem(f"s3://{KEY}:{SECRET}@b", "an answer", f"s3://{KEY}:{SECRET}@b: none", "Correct it.")
    assert SECRET not in str(problem) + str(ProblemError([problem, problem]))
