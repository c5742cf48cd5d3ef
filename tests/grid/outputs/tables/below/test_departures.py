"""What departs from the papers by default: told once, by a grid's first table, as far as it holds there."""

from grid.outputs.tables.below.departures import departure_notes
from grid.outputs.tables.formats.markdown import markdown
from grid.results.ledger import Ledger
from hd2s.models.registry import find_model
from tests.grid.small_tables import real_plan, table_of


def notes_of(plan, number=0):
    return departure_notes(plan.tables[number], plan)


def test_the_first_table_says_all_that_the_papers_grid_departs_in_and_the_others_nothing(tmp_path):
    plan = real_plan("paper")
    told = [each.told for each in find_model("hd2s").model.departures]
    assert notes_of(plan) == [f"Otherwise than in the paper: {text}" for text in told]
    assert [notes_of(plan, number) for number in (1, 2)] == [[], []]
    text = markdown(table_of(plan, Ledger(tmp_path)))
    assert "bfloat16" in text
    assert "different numbers for the same cells" in text


def test_what_a_user_has_changed_is_none_any_more():
    plain = notes_of(real_plan("paper"))
    changed = ("train.mixed_precision=false", "train.protocol=released", "test.smoothing_sigma=3")
    left = notes_of(real_plan("paper", *changed))
    gone = ["bfloat16", "micro-batches are averaged", "final Gaussian"]
    assert [word for word in gone if any(word in note for note in left)] == []
    assert len(left) == len(plain) - len(gone)


def test_nothing_is_said_of_gradient_reversal_where_there_is_none():
    text = "\n".join(notes_of(real_plan("table7")))
    assert "bfloat16" in text
    assert "classifier" not in text


def test_a_table_whose_tests_are_withheld_says_what_its_trainings_depart_in():
    text = "\n".join(notes_of(real_plan("table1")))
    assert "bfloat16" in text and "micro-batches are averaged" in text
    assert "final Gaussian" not in text, "how a benchmark's maps are made is said by who predicts them"


def test_of_several_models_it_is_said_whose_each_is_and_untrained_ones_have_none():
    notes = notes_of(real_plan("table5", "model=[hd2s,tased,centre_prior]"))
    assert any(
        note.startswith("Otherwise than in the paper of HD2S and TASED-Net: Trainings") for note in notes
    )
    assert any(note.startswith("Otherwise than in the paper of TASED-Net: The weights") for note in notes)


def test_of_the_papers_own_network_nothing_is_said():
    assert any("The last stage" in note for note in notes_of(real_plan("table1")))
    notes = notes_of(real_plan("tased_table1"))
    assert not any("The last stage" in note for note in notes)
    assert sum("the released network's widths" in note for note in notes) == 1
    assert sum("750 and 950" in note for note in notes) == 1


def test_what_is_not_mirrored_is_not_told():
    assert any("mirrored" in note for note in notes_of(real_plan("table5")))
    assert not any("mirrored" in note for note in notes_of(real_plan("table5", "train.mirrored=false")))


def test_what_does_not_drop_is_not_told_to():
    assert any("750 and 950" in note for note in notes_of(real_plan("table5", "model=tased")))
    cosine = real_plan("table5", "model=tased", "train.lr_curve=cosine")
    assert not any("750 and 950" in note for note in notes_of(cosine))
