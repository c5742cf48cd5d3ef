import math
from itertools import islice

import pytest
import torch
from hd2s.training.protocol import PROTOCOLS, Protocol, find_protocol

from hd2s import build_model
from hd2s.losses import domain_loss, grl_lambda, kld, saliency_terms
from hd2s.training.turns import STEPS, MicroBatch, adversarial, supervised, take_turns, turns_taken

SMALL = {"clip_length": 8, "height": 32, "width": 32}


def batch(seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    clips = torch.rand(2, 3, 8, 32, 32, generator=generator) * 2 - 1
    return MicroBatch(clips, torch.rand(2, 32, 32, generator=generator), **options)


def test_supervised_sums_the_terms_of_equation_1():
    model, one = build_model("hd2s", seed=0, **SMALL).eval(), batch()
    ((loss, terms),) = supervised(model, [one])
    prediction = model(one.clips)
    expected = [kld(prediction.saliency, one.maps).mean()]
    expected += [kld(prediction.conspicuity[:, i], one.maps).mean() for i in range(4)]
    assert list(terms) == ["kld/saliency", *(f"kld/conspicuity_{level}" for level in (1, 2, 3, 4))]
    torch.testing.assert_close(list(terms.values()), expected)
    torch.testing.assert_close(loss, sum(expected))


def test_without_multi_level_the_saliency_map_alone_is_supervised():
    model, one = build_model("hd2s", seed=0, **SMALL).eval(), batch()
    ((loss, terms),) = supervised(model, [one], multi_level=False)
    assert list(terms) == ["kld/saliency"]
    torch.testing.assert_close(loss, kld(model(one.clips).saliency, one.maps).mean())
    assert list(saliency_terms(model(one.clips), one.maps, multi_level=False)) == ["saliency"]


def test_adversarial_takes_source_then_target_each_in_a_batch_of_its_own():
    model = build_model("hd2s_da", seed=0, **SMALL).eval()
    source, target = batch(0), MicroBatch(batch(1).clips)
    (first, source_terms), (second, target_terms) = adversarial(model, [source], [target], 0.3)
    ((plain, _),) = supervised(model, [source])
    source_logits = model(source.clips, grl_lambda=0.3).domain_logits
    target_logits = model(target.clips, grl_lambda=0.3).domain_logits
    torch.testing.assert_close(first, plain + domain_loss(source_logits, 0))
    torch.testing.assert_close(second, domain_loss(target_logits, 1))
    accuracies = [f"domain/accuracy/level_{level}" for level in (1, 2, 3, 4)]
    assert list(target_terms) == ["domain/target", *accuracies]
    assert "domain/source" in source_terms
    (only_final, terms), _ = adversarial(model, [source], [target], 0.3, multi_level=False)
    assert list(terms) == ["kld/saliency", "domain/source", *accuracies]
    torch.testing.assert_close(only_final, terms["kld/saliency"] + domain_loss(source_logits, 0))


def test_domain_accuracy_is_the_share_of_clips_that_each_level_tells_right():
    model = build_model("hd2s_da", seed=0, **SMALL).eval()
    for level, classifier in model.adversarial.items():  # levels 1 and 2 say source, 3 and 4 target
        torch.nn.init.zeros_(classifier.output.weight)
        with torch.no_grad():
            classifier.output.bias.copy_(torch.tensor([1.0, 0.0] if level in "12" else [0.0, 1.0]))
    passes = list(adversarial(model, [batch(0)], [MicroBatch(batch(1).clips)], 0.3))
    found = [
        [terms[f"domain/accuracy/level_{level}"].item() for level in (1, 2, 3, 4)] for _, terms in passes
    ]
    assert found == [[1, 1, 0, 0], [0, 0, 1, 1]]


def test_no_batch_norm_sees_source_and_target_together():
    """Statistics move by the source's forward pass, then by the target's."""
    model = build_model("hd2s_da", seed=0, bn_momentum=0.5, **SMALL)
    norm, inputs = model.backbone.block1[0].spatial.norm, []
    norm.register_forward_hook(lambda _, x, __: inputs.append(x[0].mean((0, 2, 3, 4))))
    list(adversarial(model, [batch(0)], [MicroBatch(batch(1).clips)], 0.3))
    assert len(inputs) == 2
    torch.testing.assert_close(norm.running_mean, 0.25 * inputs[0] + 0.5 * inputs[1])


def test_domain_specific_runs_through_the_batchs_own_domain():
    model = build_model("hd2s_dsl", seed=0, **SMALL).eval()
    with torch.no_grad():
        model.smoothing["UCFSports"].sigma.fill_(1.0)
    for domain in ("DHF1K", "UCFSports"):
        one = batch(domain=domain)
        ((loss, _),) = supervised(model, [one])
        expected = sum(saliency_terms(model(one.clips, domain=domain), one.maps).values())
        torch.testing.assert_close(loss, expected)
    with pytest.raises(ValueError, match="needs domain"):
        list(supervised(model, [batch()]))


def stream(name):
    return iter(range(1000)) if name is None else ((name, i) for i in range(1000))


def test_sources_take_turns_across_iterations():
    turns = take_turns([stream("a"), stream("b"), stream("c")], [stream("t")])
    drawn = list(islice(turns, 5))
    assert [labelled for labelled, _ in drawn] == [[("a", 0)], [("b", 0)], [("c", 0)], [("a", 1)], [("b", 1)]]
    assert [unlabelled for _, unlabelled in drawn] == [[("t", i)] for i in range(5)]
    assert next(take_turns([stream("a")]))[1] == []


@pytest.mark.parametrize("before", range(8))
def test_turns_go_on_where_they_were(before):
    drawn = list(islice(take_turns([stream(name) for name in "abc"]), before + 4))
    left = [islice(stream(name), turns_taken(before, i, 3), None) for i, name in enumerate("abc")]
    assert list(islice(take_turns(left, first=before), 4)) == drawn[before:]


def test_names_of_steps():
    assert set(STEPS) == {"supervised", "adversarial", "multi_source", "domain_specific"}


def test_lambda_is_renewed_every_iteration_or_every_micro_batch():
    paper, released = (PROTOCOLS[name] for name in ("paper", "released"))
    assert [paper.grl_lambda(10, 100, k, 4) for k in range(4)] == [grl_lambda(0.1)] * 4
    expected = [math.tanh(5 * (10 * 4 + k) / 400) for k in range(4)]
    assert [released.grl_lambda(10, 100, k, 4) for k in range(4)] == pytest.approx(expected)


def test_the_paper_is_the_default_protocol():
    assert find_protocol("paper") == Protocol()
    assert find_protocol("released") == Protocol("sum", "micro-batch", False, True, "random half")
    with pytest.raises(ValueError, match=r"Unknown protocol relesed\. Did you mean released\?"):
        find_protocol("relesed")
