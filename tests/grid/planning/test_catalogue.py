"""What grids there are, and how much each of them asks for."""

from grid.planning.catalogue import catalogue
from grid.specs import grid_reader as spec


def test_the_list_counts_every_grid_without_any_corpus():
    offers = {offer.name: offer for offer in catalogue([], demo=False)}
    assert set(spec.available()) <= set(offers)
    counts = {name: (offers[name].cells, offers[name].evaluations, offers[name].trainings) for name in offers}
    assert counts["domain_shift"] == counts["table5"] == (18, 18, 15)
    assert counts["generalization"] == (4, 4, 2)
    assert counts["multi_source"] == (9, 9, 5)
    assert counts["paper"] == (31, 29, 18)
    assert offers["salgradnet_table3"].within == "salgradnet"
    assert offers["salgradnet_table3"].title == "First version: DHF1K adapted to LEDOV"
    twice = {offer.name: offer for offer in catalogue(["seeds=[0,1]"], demo=False)}
    assert twice["paper"].trainings == 36
