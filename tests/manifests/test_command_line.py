"""Command lines where nothing takes what they print, and where what they need is not installed."""

import os
import subprocess
import sys

import pytest

import manifests
from manifests.command_line import ended, environment, printing
from manifests.problem import ProblemError
from tests.places import REPOSITORY

ROOMS = ("grid", "datasets", "hd2s")
COMMANDS = [["run_grid.py", "--settings", "grid"], *(["-m", room, "--help"] for room in ROOMS)]


def called(*command, closed=(), **options):
    """Call a command of the project with these of its descriptors closed."""

    def close():
        for descriptor in closed:
            os.close(descriptor)

    environment_of = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)}
    kept = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    words = [sys.executable, *command]
    return subprocess.run(
        words, cwd=REPOSITORY, env=environment_of, text=True, check=False, preexec_fn=close, **kept
    )


@pytest.mark.slow
@pytest.mark.parametrize("room", ROOMS)
def test_outside_the_environment_each_command_says_how_to_enter_it(room):
    """As `run_grid.py` does; it was a traceback."""
    answer = called("-S", "-m", room, "--help")
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1, answer.stderr
    assert answer.stderr.startswith("No module named ")
    assert "source .venv/bin/activate" in answer.stderr


def test_a_file_of_the_project_that_is_missing_is_a_mistake_of_its_own():
    with pytest.raises(ModuleNotFoundError), environment():
        import hd2s.nothing_of_this_name  # noqa: F401


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_an_answer_to_a_closed_output_ends_plainly(command):
    answer = called(*command, closed=[1])
    assert (answer.returncode, answer.stderr) == (0, "")
    answer = called(*command, closed=[2])
    assert answer.returncode == 0
    assert answer.stdout


@pytest.mark.slow
def test_a_mistake_keeps_its_status_where_nothing_takes_it():
    for closed in ([2], [0, 1, 2]):
        answer = called("-m", "datasets", "check", "nothing", closed=closed)
        assert (answer.returncode, answer.stdout, answer.stderr) == (2, "", "")


def test_what_is_opened_has_no_number_of_a_standard_stream_and_children_have_them_all(tmp_path):
    script = f"""
import os, subprocess, sys
from manifests.command_line import environment
with environment():
    file = open({str(tmp_path / "result")!r}, "w")
assert file.fileno() > 2, file.fileno()
print("printed"), print("printed", file=sys.stderr), sys.stdin.read()
look = "import os; [os.fstat(number) for number in range(3)]"
sys.exit(subprocess.run([sys.executable, "-c", look], close_fds=True).returncode)
"""
    assert called("-c", script, closed=[0, 1, 2]).returncode == 0
    assert (tmp_path / "result").read_text() == ""


PRINTS = """
import sys
from manifests.command_line import ended
sys.exit(ended(lambda: print("an answer") or 1))
"""


def test_what_nobody_reads_is_told_in_a_line_and_not_by_python_at_its_end():
    reader, writer = os.pipe()
    os.close(reader)
    answer = called("-c", PRINTS, stdout=writer)
    os.close(writer)
    assert (answer.returncode, answer.stderr.count("\n")) == (2, 1), answer.stderr
    assert answer.stderr.startswith("standard output: expected a place to print to, found [Errno 32] Broken")
    assert called("-c", PRINTS).returncode == 1, "where it is read, the command's own"


def test_what_can_be_printed_is(capsys):
    with printing():
        print("an answer")
    assert ended(lambda: 3) == 3
    assert capsys.readouterr().out == "an answer\n"


def test_the_package_offers_its_names_as_they_are_used():
    assert {name: getattr(manifests, name).__class__ for name in manifests.__all__}.keys() == {
        *manifests._HOMES
    }
    assert manifests.ProblemError is ProblemError
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        manifests.nothing  # noqa: B018
    loaded = called("-c", "import sys, manifests.problem; print('numpy' in sys.modules)")
    assert loaded.stdout == "False\n"
