"""The commands of ``python -m datasets``, one module each.

A command's module has ``add(commands)``, which adds its parser to argparse's subparsers and sets two
defaults: ``run``, called with the options and returning the exit status, and ``when_interrupted``, what to
tell after Ctrl-C. A new command is a new module, named below.
"""

from datasets.commands import check, demo, gaze, index, show

COMMANDS = (demo, gaze, index, check, show)
