"""What a command's end is told as."""

import pytest

from hd2s.__main__ import main

COMMANDS = {
    "predict": ["video.mp4", "--weights", "w.pt", "--out", "out"],
    "score": ["--predictions", "p", "--corpus", "dhf1k", "--split", "test"],
    "cost": [],
}


@pytest.mark.parametrize(("command", "arguments"), COMMANDS.items())
def test_ctrl_c_is_told_with_what_comes_of_it(command, arguments, monkeypatch, capsys):
    def interrupted(folders):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"hd2s.commands.{command}.register_plugins", interrupted)
    assert main([command, *arguments]) == 130
    told = capsys.readouterr().err
    assert told.startswith("\nInterrupted. ")
    assert told.count("\n") == 2
    assert "the same command" in told
