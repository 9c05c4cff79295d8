"""Worked cases of our own: a folder each, the story and the sum in its README; adding a case is adding a folder.

The form of a folder is told in `tests/golden/tariffs/README.md`. Expected figures were worked out apart from this code.
"""

import json
import re
from fractions import Fraction
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from models.ocpi.exact_json import decode_json
from models.ocpi.reading import parse_cdr, parse_tariff
from models.rating.outcome import Note
from models.rating.policy import CHOICES, DEFAULT_POLICY, read_choices
from models.rating.reference import price_cdr
from pipelines.lib.price_lines import as_json, plain, policy_of, price_lines

CASES = Path(__file__).parents[2] / "golden" / "tariffs"
FOLDERS = sorted(folder for folder in CASES.iterdir() if folder.is_dir())
OWNER = "DE*LDW"
ASKED = ("ocpi_version", "timezone", "reservation_expired")
FIGURE = r"-?\d+(?:\.\d+)?(?:/\d+)?(?: (?:kWh|h))?"
SUM = re.compile(rf"({FIGURE}(?: [x+/-] {FIGURE})+) = (-?\d+(?:\.\d+)?)")
NOT_ANSWERED = (*ASKED, "policy", "claimed_total_cost", "notes")


def read(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


def line_of(folder):
    expected = read(folder, "expected")
    asked = {name: expected[name] for name in ASKED if name in expected}
    # The figures go in as they are written: 0.3 must not pass through a float on its way.
    tariffs, cdr = ((folder / f"{name}.json").read_text() for name in ("tariff", "cdr"))
    head = json.dumps({"id": folder.name, **asked})[:-1]
    return f'{head}, "tariffs": {tariffs}, "cdr": {cdr}}}'.replace("\n", " ")


def policy_in(folder):
    return read(folder, "expected").get("policy", "")


def choices_of(folder):
    return read_choices(policy_in(folder))


@cache
def answers(policy):
    """Answer every case that names this policy, and under no policy every case: in one go, as a file would be."""
    asked = [folder for folder in FOLDERS if policy in {"", policy_in(folder)}]
    answered = price_lines([line_of(folder) for folder in asked], choices=read_choices(policy))
    return {folder: as_json(answer) for folder, answer in zip(asked, answered, strict=True)}


def answer_to(folder):
    return answers(policy_in(folder))[folder]


def folders_with(name):
    return [pytest.param(folder, id=folder.name) for folder in FOLDERS if name in read(folder, "expected")]


def priced_by_the_reference(folder):
    line = decode_json(line_of(folder))
    version = line["ocpi_version"]
    cdr = parse_cdr(line["cdr"], version, owner_id=OWNER)
    tariffs = [parse_tariff(tariff, version, owner_id=OWNER) for tariff in line["tariffs"]]
    choices = choices_of(folder)
    if not tariffs or choices.get("tariff_precedence") == "cdr_first":
        tariffs = cdr.tariffs
    return price_cdr(
        cdr,
        tariffs,
        ZoneInfo(line["timezone"]),
        policy_of(version).choosing(choices),
        reservation_expired=line.get("reservation_expired", False),
    )


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_worked_case_is_answered_as_its_readme_says(folder):
    expected = {name: value for name, value in read(folder, "expected").items() if name not in NOT_ANSWERED}
    said = answer_to(folder)
    assert {name: said.get(name) for name in expected} == expected


@pytest.mark.parametrize("folder", folders_with("notes"))
def test_a_case_about_notes_has_those_and_no_other(folder):
    # Beside the notes of rating stand remarks of the reader, such as a number written as text.
    noted = [note for note in answer_to(folder)["notes"] if note in set(Note)]
    assert noted == read(folder, "expected")["notes"]


@pytest.mark.parametrize("folder", folders_with("total_cost"))
def test_the_reference_says_the_same(folder):
    total = priced_by_the_reference(folder).total
    said = {"excl_vat": plain(total.excl_vat), "incl_vat": plain(total.incl_vat)}
    assert said == read(folder, "expected")["total_cost"]


@pytest.mark.parametrize("folder", folders_with("claimed_total_cost"))
def test_the_claim_is_read_with_all_its_taxes(folder):
    line = decode_json(line_of(folder))
    claimed = parse_cdr(line["cdr"], line["ocpi_version"], owner_id=OWNER).total_cost
    said = {"excl_vat": plain(claimed.excl_vat), "incl_vat": plain(claimed.incl_vat)}
    assert said == read(folder, "expected")["claimed_total_cost"]


def test_every_choice_that_is_no_default_has_a_case_in_which_it_matters():
    defaults = {(name, str(getattr(DEFAULT_POLICY, name))) for name in CHOICES}
    known = {(name, str(value)) for name, values in CHOICES.items() for value in values}
    mattering = [folder for folder in FOLDERS if answer_to(folder) != answers("")[folder]]
    assert known - defaults <= {choice for folder in mattering for choice in choices_of(folder).items()}


def test_every_case_tells_its_story_and_is_listed():
    listed = re.findall(r"\]\((\S+)/README\.md\)", (CASES / "README.md").read_text())
    assert sorted(listed) == [folder.name for folder in FOLDERS]
    assert all(len((folder / "README.md").read_text().splitlines()) > 2 for folder in FOLDERS)
    assert all({"total_cost", "error"} & read(folder, "expected").keys() for folder in FOLDERS)


@pytest.mark.parametrize("folder", folders_with("total_cost"))
def test_the_sums_in_a_readme_add_up_to_what_is_expected(folder):
    story = " ".join((folder / "README.md").read_text().split())
    sums = SUM.findall(story)
    assert sums
    assert [round(added_up(left) - Fraction(right), 12) for left, right in sums] == [0] * len(sums)
    told = {Fraction(figure) for figure in re.findall(r"-?\d+(?:\.\d+)?", story)}
    assert {Fraction(side) for side in read(folder, "expected")["total_cost"].values() if side} <= told


def added_up(text):
    """Work out a sum such as `0.50 + 20 kWh x 0.25`, products first, exactly."""
    terms = re.split(r" ([+-]) ", re.sub(r" (?:kWh|h)\b", "", text))
    signs = [1, *(-1 if sign == "-" else 1 for sign in terms[1::2])]
    return sum(sign * multiplied(term) for sign, term in zip(signs, terms[::2], strict=True))


def multiplied(term):
    factors = re.split(r" ([x/]) ", term)
    result = Fraction(factors[0])
    for sign, factor in zip(factors[1::2], factors[2::2], strict=True):
        result = result * Fraction(factor) if sign == "x" else result / Fraction(factor)
    return result
