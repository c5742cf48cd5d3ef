"""Who records what becomes of a grid's units, and a listener that notes what it hears."""

from pathlib import Path

from grid.plan import Plan
from grid.results.ledger import Ledger
from grid.running.events import Listener
from grid.running.recorder import Recorder
from grid.running.schedule import Schedule, Share

ONE = Share(cpu=1)


class Ear(Listener):
    """Notes what it hears of trainings and evaluations."""

    def __init__(self):
        self.heard = []

    def on_training_started(self, training):
        self.heard.append(("started", training.id))

    def on_training_progress(self, training, step, total, losses, rows):
        self.heard.append(("progress", training.id, step, total, losses))

    def on_training_finished(self, training, summary, curve):
        self.heard.append(("finished", training.id, summary, curve))

    def on_training_failed(self, training, error_file):
        self.heard.append(("failed", training.id, error_file))

    def on_training_stopped(self, training, where):
        self.heard.append(("stopped", training.id, where))

    def on_evaluation_started(self, evaluation):
        self.heard.append(("started", evaluation.id))

    def on_evaluation_finished(self, evaluation, result):
        self.heard.append(("finished", evaluation.id, result.scores["NSS"]))

    def on_evaluation_failed(self, evaluation, error_file):
        self.heard.append(("failed", evaluation.id, error_file))

    def on_interrupted(self, unit, why):
        self.heard.append(("interrupted", unit.id, why))


def recording(plan: Plan, out: Path, *, done=(), parts: int = 1, cpu: float = 2.0) -> Recorder:
    """A recorder for a machine of some processors; each training and each part takes one of them."""
    schedule = Schedule(
        plan,
        done,
        lambda: Share(cpu=cpu),
        parts=dict.fromkeys(plan.evaluations, parts),
        train=ONE,
        evaluate=ONE,
    )
    return Recorder(schedule, Ledger(out, may_stop=plan.may_stop), Ear())
