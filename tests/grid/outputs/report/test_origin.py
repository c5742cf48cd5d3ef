"""Where the numbers of a page come from."""

from grid.outputs.report.origin import Amount, code, commands, data, identities, spent, work
from grid.results.provenance import source_version
from tests.grid.invented import evaluate, train
from tests.grid.outputs.report.reported import grid_of
from tests.grid.small_ledger import small_plan, table_spec


def test_commands_are_those_that_make_it_again(tmp_path):
    text = commands(grid_of(small_plan(table_spec()), tmp_path, "seeds=[0]"))
    for option in ("", "--tables ", "--report ", "--export EXPORT "):
        assert f"--out {tmp_path} {option}model.backbone_weights=none &#x27;seeds=[0]&#x27;" in text


def test_time_is_added_up_by_device(tmp_path):
    plan = small_plan(table_spec())
    grid = grid_of(plan, tmp_path)
    for training in plan.trainings.values():
        train(grid.ledger, training, device="H200", seconds=1800.0)
    evaluate(grid.ledger, next(iter(plan.evaluations.values())))
    assert spent(grid) == {
        "H200": {"training": Amount(6, 10800.0), "evaluation": Amount()},
        "unknown": {"training": Amount(), "evaluation": Amount(1, 2.0)},
    }
    assert '<th scope="row">H200</th><td>6</td><td>0</td><td>3.0 h</td><td>0 s</td>' in work(grid)
    assert "kWh" not in work(grid)


def test_energy_is_told_where_devices_tell_it(tmp_path):
    plan = small_plan(table_spec())
    grid = grid_of(plan, tmp_path)
    first, second, *_ = plan.trainings.values()
    train(grid.ledger, first, device="H200", joules=1.8e6)
    train(grid.ledger, second, device="CPU")
    text = work(grid)
    assert "Training used" in text
    assert '<th scope="row">H200</th><td>1</td><td>0</td><td>3 s</td><td>0 s</td><td>0.50 kWh</td>' in text
    assert '<th scope="row">CPU</th><td>1</td><td>0</td><td>3 s</td><td>0 s</td><td>–</td>' in text


def test_corpora_have_their_whole_digests(tmp_path):
    grid = grid_of(small_plan(table_spec()), tmp_path)
    text = data(grid)
    assert all(f"{name}: {manifest.digest}" in text for name, manifest in grid.manifests.items())
    assert "<td>3 train, 3 val, 3 test" in text


def test_code_packages_and_ids_are_told(tmp_path):
    grid = grid_of(small_plan(table_spec()), tmp_path)
    assert source_version() in code(grid)
    assert "torch==" in code(grid)
    assert all(unit in "".join(identities(grid)) for unit in (*grid.plan.trainings, *grid.plan.evaluations))
