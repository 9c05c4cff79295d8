"""Packs as files: names that no id can break, nothing written twice, PDFs of an older state made again."""

import json
import sys
from collections import Counter
from dataclasses import replace

import pytest

from models.reconciliation.packs.canonical import read_pack
from pipelines import cli
from pipelines.lib.compute import Compute
from pipelines.lib.evidence_packs.reading import MonthOfPacks
from pipelines.lib.evidence_packs.writing import (
    folder_of,
    is_rendered,
    outdated,
    render_packs,
    stem_of,
    write_packs,
)

ALONE = Compute(workers=1)


@pytest.mark.parametrize(
    "case_id",
    ["DE*LDW*C1", "../../etc/passwd", "a/b\\c", "", ".", "\x00\x1b[31m", "x" * 5000, "ÄÖÜ*Ж*漢字", "CON.", "\udc80"],
)
def test_a_file_name_is_plain_and_short(case_id):
    stem = stem_of(case_id)
    assert stem.isascii()
    assert 10 <= len(stem) <= 70
    assert not set(stem) & set("/\\*:\x00\x1b ")
    assert not stem.startswith((".", "-"))


def test_ids_that_read_alike_have_files_of_their_own():
    assert len({stem_of(case) for case in ("DE*LDW*C-1", "DE*LDW*C*1", "DE-LDW-C/1", "de*ldw*c-1")}) == 4
    assert stem_of("DE*LDW*C000017") == "DE-LDW-C000017-0a53e9b81bf8d652"


def test_a_pack_that_lies_there_is_left_alone_and_a_changed_one_is_written(tmp_path, packs):
    wanted = [packs[key] for key in sorted(packs)[:3]]
    first = write_packs(tmp_path, wanted)
    assert [file.is_new for file in first] == [True] * 3
    assert [read_pack(file.path.read_bytes()) for file in first] == wanted
    touched = [file.path.stat().st_mtime_ns for file in first]
    again = write_packs(tmp_path, wanted)
    assert [file.is_new for file in again] == [False] * 3
    assert [file.path.stat().st_mtime_ns for file in again] == touched
    moved = replace(wanted[0], case=replace(wanted[0].case, level=2))
    assert [file.is_new for file in write_packs(tmp_path, [moved, *wanted[1:]])] == [True, False, False]
    assert not list(tmp_path.glob("*.tmp"))


def test_a_pdf_is_rendered_once_and_again_when_its_pack_changes(tmp_path, packs):
    pack = packs[min(packs)]
    (file,) = write_packs(tmp_path, [pack])
    assert not is_rendered(file)
    assert render_packs([file], ALONE).rendered == 1
    assert is_rendered(file)
    assert render_packs([file], ALONE).rendered == 0
    (moved,) = write_packs(tmp_path, [replace(pack, case=replace(pack.case, level=2))])
    assert not is_rendered(moved)


def test_cases_of_other_months_that_moved_since_are_outdated(disputed, tmp_path):
    september, october = disputed.months[:2]
    cases = disputed.cases
    keys = sorted(MonthOfPacks(disputed.lake, september, cases).owners)
    write_packs(folder_of(tmp_path, september), MonthOfPacks(disputed.lake, september, cases).packs())
    assert outdated(tmp_path, cases.states.values(), october) == {}
    moved = {**cases.states, keys[0]: replace(cases.states[keys[0]], events=2)}
    assert outdated(tmp_path, moved.values(), october) == {september: [keys[0]]}
    assert outdated(tmp_path, moved.values(), september) == {}
    assert outdated(tmp_path / "empty", moved.values(), october) == {september: [keys[0]]}


@pytest.fixture
def command(disputed, monkeypatch, capsys):
    """Run the command line in that home; give what it said."""
    monkeypatch.setenv("ROAMLEDGER_HOME", str(disputed.home))
    monkeypatch.setenv("ROAMLEDGER_WORKERS", "1")

    def run(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["roamledger", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        assert left.value.code == code
        said = capsys.readouterr()
        return said.out + said.err

    return run


def test_one_case_as_json_and_pdf(command, tmp_path, held_for):
    case = held_for("R16").case.case_id
    said = command("disputes", "pack", case.lower(), "--output", str(tmp_path / "new"))
    json_file, pdf_file = sorted((tmp_path / "new").iterdir())
    assert [str(json_file), str(pdf_file)] == said.split()
    assert json.loads(json_file.read_bytes())["case"]["case_id"] == case
    assert pdf_file.read_bytes().startswith(b"%PDF")


def test_every_case_of_an_operator(command, tmp_path, packs):
    counts = Counter(pack.claim.cpo_id for pack in packs.values())
    operator, wanted = counts.most_common()[-1]
    said = command("disputes", "packs", "--cpo", operator.lower().replace("*", "-"), "--output", str(tmp_path))
    assert len(list(tmp_path.glob("*.json"))) == len(list(tmp_path.glob("*.pdf"))) == wanted < len(packs)
    assert f"{wanted} packs" in said
    assert "0 PDFs rendered" in command("disputes", "packs", "--cpo", operator, "--output", str(tmp_path))


def test_what_a_user_gets_wrong_is_said_in_one_line(command, tmp_path):
    assert "no case 'DE*LDW*NOBODY'" in command("disputes", "pack", "DE*LDW*NOBODY", code=2)
    assert "month nonsense" in command("disputes", "packs", "--month", "nonsense", code=2).replace("'", "")
    (tmp_path / "taken").write_text("")
    assert "choose another with --output" in command("disputes", "packs", "--output", str(tmp_path / "taken"), code=2)
