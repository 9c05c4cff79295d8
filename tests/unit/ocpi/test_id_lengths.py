"""Ids are held to the lengths of their version, wherever in a record they stand."""

import json

import pytest

from models.ocpi.id_lengths import LongId, id_lengths, long_ids
from models.ocpi.strict_shapes import record_is_plain
from models.ocpi.vocabulary import FIELDS
from tests.unit.intake.little_peer import cdr, location, session, tariff

SOUND = {"cdrs": cdr(), "sessions": session(), "locations": location(), "tariffs": tariff()}
EVERY_PATH = [
    (module, version, path)
    for version, modules in FIELDS.items()
    for module in modules
    for path in id_lengths(module, version)
]


def record_with(path, identifier):
    """A record that has nothing but an id, in a list at every other level: OCPI's own shape does not matter here."""
    *above, last = path.split(".")
    record = {last: identifier}
    for depth, name in enumerate(reversed(above)):
        record = {name: [record] if depth % 2 else record}
    return record


@pytest.mark.parametrize(("module", "version", "path"), EVERY_PATH)
def test_an_id_may_be_as_long_as_the_version_says_and_no_longer(module, version, path):
    allowed = id_lengths(module, version)[path]
    fitting, long = (record_with(path, "x" * length) for length in (allowed, allowed + 1))
    assert long_ids(module, version, fitting) == ()
    (found,) = long_ids(module, version, long)
    assert (found.path.replace("[]", ""), found.length, found.allowed) == (path, allowed + 1, allowed)
    assert record_is_plain(module, version, json.dumps(fitting).encode())
    assert not record_is_plain(module, version, json.dumps(long).encode())


@pytest.mark.parametrize(("module", "record"), SOUND.items())
def test_a_sound_record_is_plain_and_so_is_one_with_nulls_for_ids(module, record):
    nulls = record | {path: None for path in id_lengths(module, "2.2.1") if path in record}
    for each in (record, nulls):
        assert record_is_plain(module, "2.2.1", json.dumps(each).encode())
        assert long_ids(module, "2.2.1", each) == ()


def test_the_longest_of_several_is_told_and_characters_are_counted_not_bytes():
    ids = ["ü" * 36, "U" * 37, "U" * 40]
    connector = {"id": "1", "tariff_ids": ids}
    record = location(evses=[{"uid": "E1", "connectors": [connector]}])
    assert long_ids("locations", "2.2.1", record) == (LongId("evses[].connectors[].tariff_ids[]", 40, 36),)
    assert record_is_plain("locations", "2.2.1", json.dumps(location(id="ü" * 36)).encode())


def test_what_is_no_text_is_measured_where_it_is_a_number_and_passed_over_where_it_is_not():
    odd = cdr(id=10**40, session_id={"id": "x" * 99}, cdr_token=7, charging_periods=["x" * 99, None])
    assert long_ids("cdrs", "2.2.1", odd) == (LongId("id", 41, 39),)


def test_a_module_that_is_not_ocpis_bounds_nothing():
    assert long_ids("authorizations", "2.2.1", {"authorization_id": "a" * 99}) == ()
    assert long_ids("invoicereconciliation", "2.2.1", {"id": "a" * 99}) == ()
