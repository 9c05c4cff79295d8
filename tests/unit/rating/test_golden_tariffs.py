"""Worked cases of our own: a folder each, the story and the sum in its README; adding a case is adding a folder."""

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from models.ocpi.reading import decode_json, parse_cdr, parse_tariff
from models.rating.reference import price_cdr
from pipelines.lib.price_lines import as_json, plain, policy_of, price_lines

CASES = Path(__file__).parents[2] / "golden" / "tariffs"
FOLDERS = sorted(folder for folder in CASES.iterdir() if folder.is_dir())
ASKED = ("ocpi_version", "timezone", "reservation_expired")


def read(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


def line_of(folder):
    expected = read(folder, "expected")
    asked = {name: expected[name] for name in ASKED if name in expected}
    # The figures go in as they are written: 0.3 must not pass through a float on its way.
    tariffs, cdr = ((folder / f"{name}.json").read_text() for name in ("tariff", "cdr"))
    head = json.dumps({"id": folder.name, **asked})[:-1]
    return f'{head}, "tariffs": {tariffs}, "cdr": {cdr}}}'.replace("\n", " ")


PRICED = [folder for folder in FOLDERS if "total_cost" in read(folder, "expected")]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_worked_case_is_answered_as_its_readme_says(folder):
    expected = {name: value for name, value in read(folder, "expected").items() if name not in ASKED}
    (answer,) = price_lines([line_of(folder)])
    said = as_json(answer)
    assert {name: said.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    "folder", [one for one in FOLDERS if "total_cost" in read(one, "expected")], ids=lambda one: one.name
)
def test_the_reference_says_the_same(folder):
    expected = read(folder, "expected")
    line = decode_json(line_of(folder))
    version = line["ocpi_version"]
    cdr = parse_cdr(line["cdr"], version, owner_id="DE*LDW")
    tariffs = [parse_tariff(tariff, version, owner_id="DE*LDW") for tariff in line["tariffs"]]
    expired = line.get("reservation_expired", False)
    said = price_cdr(cdr, tariffs, ZoneInfo(line["timezone"]), policy_of(version), reservation_expired=expired)
    assert {"excl_vat": plain(said.total.excl_vat), "incl_vat": plain(said.total.incl_vat)} == expected["total_cost"]


def test_every_case_tells_its_story():
    assert len(FOLDERS) >= 12
    assert all(len((folder / "README.md").read_text().splitlines()) > 2 for folder in FOLDERS)
