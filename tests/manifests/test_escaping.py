"""Whatever a title, a clip or a folder is called, it is read as that and as nothing else."""

import json
import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.escaping import markdown, markdown_code, markdown_line, one_line, shell

HOSTILE = st.text(
    st.one_of(
        st.sampled_from("\\`*_<>|[]()#$~&!'\"{}%^-+=1. \n\r\t\x0b\x1b\u2028"), st.characters(codec="utf-8")
    ),
    max_size=30,
)


def read_back(text):
    """A reader of Markdown: a backslash before punctuation is taken away."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)


@given(HOSTILE)
def test_a_text_in_markdown_is_itself_and_means_nothing(text):
    written = markdown(text)
    assert read_back(written) == one_line(text)
    assert "\n" not in written
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_<>|\[\]#$~&]", written)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("12) a", r"12\) a"),
        ("1 a", "1 a"),
        ("=== a", r"\=== a"),
        ("# <b>$x$</b>", r"\# \<b\>\$x\$\</b\>"),
        ("two\n\n## lines", r"two \#\# lines"),
    ],
)
def test_what_begins_a_line_begins_no_list(text, expected):
    assert markdown_line(text) == expected


@given(HOSTILE)
def test_code_ends_where_it_should(text):
    written = markdown_code(text)
    fence = re.match("`+", written)[0]
    inner = written[len(fence) : -len(fence)]
    assert written.endswith(fence)
    assert one_line(text) == one_line(inner)
    assert fence not in re.findall("`+", inner)


@settings(max_examples=25, deadline=None)
@given(st.lists(HOSTILE.map(lambda text: text.replace("\x00", "")), max_size=8))
def test_bash_takes_a_line_for_its_words(words):
    line = shell(words)
    assert len(line.splitlines()) <= 1
    program = "import json, os, sys; print(json.dumps([os.fsencode(w).decode() for w in sys.argv[1:]]))"
    call = ["bash", "-c", f"python3 -c '{program}' {line}"]
    environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
    done = subprocess.run(call, capture_output=True, check=True, env=environment)
    assert json.loads(done.stdout) == words


def test_ordinary_words_stay_as_they_are():
    assert shell(["python", "run_grid.py", "--grid", "my grid.yaml", "seeds=[0]"]) == (
        "python run_grid.py --grid 'my grid.yaml' 'seeds=[0]'"
    )
