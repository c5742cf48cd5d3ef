"""What a training's settings are to its loop."""

from grid.training.recipe import optimiser_options, recipe_of
from tests.grid.plans import of_approach, plan_of


def spec_of(approach, *overrides):
    return of_approach(plan_of("multi_source", *overrides), approach)[0].spec


def test_the_loss_is_told_apart_where_there_are_several_sources():
    several = spec_of("multi-source")
    assert recipe_of(several, 0).sources == tuple(entry.corpus for entry in several.labelled)
    assert len(several.labelled) > 1
    assert recipe_of(spec_of("generalization"), 0).sources == ()


def test_workers_share_the_micro_batches_of_an_iteration():
    spec = spec_of("generalization", "train.accumulate=5", "train.world_size=2", "train.lr=0.5")
    shares = [recipe_of(spec, rank) for rank in (0, 1)]
    assert [(share.accumulate, share.of_all) for share in shares] == [(3, 5), (2, 5)]
    assert optimiser_options(spec.train).lr == 0.5
