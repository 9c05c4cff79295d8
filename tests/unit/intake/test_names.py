"""The names of a page's records are read in one go, and are the same as those of each record read alone."""

import json

import pytest

from models.ocpi.envelope import Names, read_names, read_names_on, read_records
from models.ocpi.problems import RecordProblem
from pipelines.lib.intake.identity import identities
from pipelines.lib.ocpi_client import Page
from pipelines.lib.ocpi_client.answers import Answer
from tests.unit.intake.little_peer import cdr, envelope

NAMED = b'{"country_code":"DE","party_id":"LDW","id":"C1"}'
STRANGE = [
    b"7",
    b"null",
    b'"C1"',
    b"[]",
    b"{}",
    b'{"id":1e400}',
    b'{"id":["C1"],"country_code":{"a":1}}',
    b'{"country_code":"DE","party_id":"LDW","id":7}',
    b'{"country_code":"DE","party_id":"LDW","id":""}',
    b'{"country_code":null,"party_id":"LDW","id":"C1"}',
    b'{"id":"\xff"}',
    b'{"id":' + b"9" * 40 + b"}",
    b'{"id":"C1","remark":"\xff\xfe"}',
    b'{"uid":"04A1","type":"RFID"}',
    b'{"authorization_id":"A1"}',
]


def page_of(*records):
    content = b'{"data":[' + b",".join(records) + b'],"status_code":1000}'
    return Page(Answer("http://peer.example", 200, {}, content, None, "1"), read_names_on(content), None)


def test_names_are_read_in_one_go():
    assert read_names_on(envelope([cdr(1), cdr(2)])) == [
        Names(country_code="DE", party_id="LDW", id=f"C{number:06d}") for number in (1, 2)
    ]


@pytest.mark.parametrize("strange", STRANGE)
def test_a_strange_record_costs_its_neighbours_nothing(strange):
    page = page_of(NAMED, strange, NAMED)
    assert page.names == [read_names(NAMED), read_names(strange), read_names(NAMED)]
    assert page.records == [NAMED, strange, NAMED]


@pytest.mark.parametrize("module", ["cdrs", "tokens", "authorizations"])
@pytest.mark.parametrize("strange", STRANGE)
def test_a_strange_record_is_one_object_however_often_it_comes(module, strange):
    assert len(identities(module, page_of(strange, strange))) == 1


def test_the_same_object_in_other_letters_is_one():
    other = json.dumps({"id": "c1", "party_id": "ldw", "country_code": "de", "remark": "again"}).encode()
    assert identities("cdrs", page_of(NAMED, other)) == {"DE*LDW*C1"}


def test_records_without_a_name_are_told_apart_by_their_bytes():
    assert identities("cdrs", page_of(NAMED, b'{"a":1}', b'{"a":2}', b'{"a":1}')) == {
        "DE*LDW*C1",
        b'{"a":1}',
        b'{"a":2}',
    }


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b'{"data":[', b'{"data":{},"status_code":1000}', b'{"data":[],"status_code":2001}', b"[" * 5000],
)
def test_what_cannot_be_cut_has_no_names_either(content):
    for read in (read_records, read_names_on):
        with pytest.raises(RecordProblem):
            read(content)
