"""What compiled tables show: settings that a user writes."""

from grid.specs import settings_reader
from grid.specs.tables.shown import Tables


def test_what_a_user_writes_is_what_tables_show():
    asked = ["tables.digits=2", "tables.columns=[NSS,CC]", "tables.notes=full", "tables.gap=true"]
    found = settings_reader.load(asked, demo=False).tables
    assert found == Tables(digits=2, columns=("NSS", "CC"), notes="full", gap=True)
    assert settings_reader.load([], demo=False).tables == Tables()
    assert settings_reader.load([], demo=True).tables == Tables(paper="none")
