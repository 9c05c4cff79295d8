"""The books are replaced as a whole that holds, or not at all."""

import shutil

import pytest

from pipelines.lib.intake.drops.folder import take_book_drops
from pipelines.lib.intake.drops.master import finish_accepted, load_master_files
from pipelines.lib.master_data import load_master


@pytest.fixture
def company(settings, books):
    shutil.copytree(books, settings.master)
    return settings


def changed(company, tmp_path, name, old, new):
    """A file of the books with something else in it."""
    path = tmp_path / "new" / name
    path.parent.mkdir(exist_ok=True)
    text = (company.master / name).read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_files_that_hold_replace_those_in_force(company, tmp_path):
    path = changed(company, tmp_path, "legal_entities.csv", "Polarsternallee 14", "Polarsternallee 15")
    (report,) = load_master_files(company, [path])
    assert (report.outcome, report.records) == ("loaded", 1)
    assert load_master(company.master)["legal_entities"]["street"].to_list() == ["Polarsternallee 15"]
    assert path.exists()


def test_a_set_that_contradicts_the_books_changes_nothing(company, tmp_path):
    before = {path.name: path.read_bytes() for path in company.master.iterdir()}
    good = changed(company, tmp_path, "legal_entities.csv", "Polarsternallee 14", "Polarsternallee 15")
    bad = changed(company, tmp_path, "plan_tariffs.csv", "plus,", "unheard-of,")
    reports = load_master_files(company, [good, bad])
    assert [report.outcome for report in reports] == ["rejected", "rejected"]
    assert str(tmp_path / "books") not in str(reports[0])
    assert "unheard-of" in str(reports[0])
    assert {path.name: path.read_bytes() for path in company.master.iterdir()} == before


def test_a_name_that_is_none_of_the_books_is_refused(company, tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text("x\n")
    (report,) = load_master_files(company, [path])
    assert "customers.csv is no file of the books" in str(report)


def test_what_was_accepted_is_finished_after_a_kill(company, tmp_path):
    new = changed(company, tmp_path, "legal_entities.csv", "Polarsternallee 14", "Polarsternallee 16")
    shutil.copytree(new.parent, company.home / ".accepted")
    finish_accepted(company)
    assert load_master(company.master)["legal_entities"]["street"].to_list() == ["Polarsternallee 16"]
    assert not (company.home / ".accepted").exists()


def test_dropped_books_are_taken_together(company, tmp_path):
    new = changed(company, tmp_path, "legal_entities.csv", "Polarsternallee 14", "Polarsternallee 17")
    place = company.home / "drop" / "master"
    place.mkdir(parents=True)
    shutil.copyfile(new, place / new.name)
    (report,) = take_book_drops(company, settled_seconds=0)
    assert report.outcome == "loaded"
    assert (place / "done" / "legal_entities.csv").exists()
    assert load_master(company.master)["legal_entities"]["street"].to_list() == ["Polarsternallee 17"]
