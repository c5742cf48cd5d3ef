"""The command line: which words are settings, and what is refused."""

import pytest

from grid.commands.arguments import interrupted_note, parsed

TEXT = "What it does.\n\nExamples:\n  one"


def test_settings_may_stand_on_both_sides_of_an_option():
    options = parsed(TEXT, ["seeds=[0]", "--grid", "table5", "train.lr=1"])
    assert (options.grid, options.overrides) == ("table5", ["seeds=[0]", "train.lr=1"])


@pytest.mark.parametrize(
    ("given", "words", "overrides"),
    [
        (["--figures"], [], []),
        (["--figures", "curves", "ranks"], ["curves", "ranks"], []),
        (["--figures", "curves", "seeds=[0,1]"], ["curves"], ["seeds=[0,1]"]),
        (["seeds=[0]", "--figures", "train.lr=1"], [], ["train.lr=1", "seeds=[0]"]),
        ([], None, []),
    ],
)
def test_settings_behind_figures_are_no_words_of_them(given, words, overrides):
    options = parsed(TEXT, ["--grid", "table5", *given])
    assert (options.figures, sorted(options.overrides)) == (words, sorted(overrides))


def test_settings_behind_the_option_of_their_name_are_no_word_of_it():
    options = parsed(TEXT, ["--settings", "train.lr=1"])
    assert (options.settings, options.overrides) == ("run", ["train.lr=1"])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--demo"],
        ["--grid", "table5", "--figures", "--tables"],
        ["--grid", "table5", "--red", "all"],
        ["--grid", "table5", "--on", "H100"],
    ],
)
def test_what_says_not_what_to_do_is_refused(arguments, capsys):
    """A beginning of `--redo` too: the command that goes on after Ray's end would take all away again.

    Asked for the cost on a GPU, without `--plan`, it began to run.
    """
    with pytest.raises(SystemExit) as caught:
        parsed(TEXT, arguments)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_the_same_command_goes_on_unless_it_would_take_away_what_is_done():
    assert "the same command goes on" in interrupted_note(parsed(TEXT, ["--grid", "table5"]).redo)
    assert "without --redo goes on" in interrupted_note(
        parsed(TEXT, ["--grid", "table5", "--redo", "ab"]).redo
    )
