"""What a training's settings are to its loop."""

from grid.training.recipe import optimiser_options, recipe_of
from tests.grid.plans import of_approach, plan_of


def spec_of(approach, *overrides, grid="multi_source"):
    return of_approach(plan_of(grid, *overrides), approach)[0].spec


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


def test_the_learning_rate_falls_to_nothing_with_a_training_s_own_last_iteration():
    asked = (
        "train.lr_curve=cosine",
        "train.lr_warmup=4",
        "train.iterations=20",
        "train.finetune_iterations=8",
    )
    for approach, iterations in (("generalization", 20), ("transfer", 8)):
        options = optimiser_options(spec_of(approach, *asked, grid="domain_shift").train)
        assert options.lr_at(3) == options.lr
        assert 0 < options.lr_at(iterations - 1) < options.lr / 5
        assert options.lr_at(iterations) == 0
