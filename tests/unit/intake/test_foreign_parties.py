"""A peer speaks for the parties that its connection declares, in every module, and for nobody else."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from models.ocpi.reading import noted_tariff, parse_cdr, parse_tariff
from models.schemas.registry import Layer
from pipelines.lib.intake.files.loading import FileSource, load_file
from pipelines.lib.intake.history import remember
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.intake.pull import pull
from pipelines.lib.intake.readers import DECODE
from tests.unit.intake.little_peer import cdr, location, session, tariff

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
SWM = {"country_code": "de", "party_id": "SWM"}


@pytest.fixture
def take_in(settings, lake, register, peer):
    """Pull as a connection of some parties, an hour after the pull before, then normalise; give the records."""
    pulls = []

    def take_in(*parties, modules=("cdrs",), **facts):
        pulls.append(1)
        wanted = peer.connection(parties=parties, page_limit=100, **facts)
        now = NOW + timedelta(hours=len(pulls))
        changed = settings.model_copy(update={"now": now, "connections": (wanted,)})
        since = datetime(2026, 1, 1, tzinfo=UTC)
        assert not pull(changed, lake, register, modules=modules, since=since).failures
        normalise(changed, lake)
        remember(changed, lake)
        return lake.read(Layer.TYPED, "records").select("record_id", "outcome", "rule").rows()

    return take_in


def breaches(lake):
    found = lake.read(Layer.TYPED, "protocol_violations")
    return found.select("connection_id", "code", "record_key").sort("connection_id", "record_key").rows()


@pytest.mark.parametrize("kind", ["cpo", "hub"])
def test_an_object_of_a_party_that_is_not_declared_is_quarantined_and_a_breach(take_in, lake, peer, kind):
    peer.modules["cdrs"] = [cdr(1), cdr(2, **SWM)]
    assert take_in("DE*LDW", "DE*VLT", kind=kind) == [
        ("C000001", "typed", None),
        ("C000002", "quarantined", "foreign_party"),
    ]
    assert breaches(lake) == [("ldw", "foreign_party", "DE*SWM*C000002")]
    (row,) = lake.read(Layer.TYPED, "records").filter(rule="foreign_party").to_dicts()
    assert "DE*LDW, DE*VLT" in row["reason"]
    assert "add DE*SWM to its parties and pull the window again, or ask the peer" in row["reason"]
    assert json.loads(row["record_json"])["id"] == "C000002"
    assert lake.read(Layer.TYPED, "protocol_violations")["sentence"].to_list() == [row["reason"]]


def test_a_connection_that_declares_nobody_may_speak_for_anybody(take_in, lake, peer):
    peer.modules["cdrs"] = [cdr(1), cdr(2, **SWM)]
    assert [outcome for _, outcome, _ in take_in()] == ["typed", "typed"]
    assert breaches(lake) == []


def test_every_module_of_a_cpo_is_held_to_its_parties(take_in, lake, peer):
    modules = ("cdrs", "tariffs", "sessions", "locations")
    peer.modules |= {"cdrs": [cdr(**SWM)], "tariffs": [tariff(**SWM)], "sessions": [session(**SWM)]}
    peer.modules["locations"] = [location(**SWM)]
    assert {rule for _, _, rule in take_in("DE*LDW", modules=modules)} == {"foreign_party"}
    for name in ("tariff_versions", "tariff_history", "connectors", "connector_history"):
        assert lake.read(Layer.TYPED, name).is_empty(), name


def test_a_platform_speaks_of_tokens_whoever_issued_them(take_in, lake, peer):
    token = {"country_code": "NL", "party_id": "TNM", "uid": "1", "type": "RFID", "contract_id": "C", "valid": True}
    peer.modules = {"tokens": [token | {"last_updated": "2026-10-01T00:00:00Z"}], "authorizations": []}
    assert take_in("DE*NST", kind="platform", modules=("tokens",)) == [("1", "typed", None)]


def test_nobody_takes_the_id_of_anothers_cdr_away(take_in, lake, peer):
    """Neither by other content nor by the same; who speaks for another is told so every time, and the owner never."""
    true, false = cdr(1, **SWM), cdr(2, **SWM)
    peer.modules["cdrs"] = [true, false | {"total_energy": 99}]
    take_in("DE*LDW")
    peer.modules["cdrs"] = [true, false]
    found = take_in("DE*SWM", connection_id="swm")
    assert found[2:] == [("C000001", "typed", None), ("C000002", "typed", None)]
    peer.modules["cdrs"] = [true]
    assert take_in("DE*VLT", connection_id="vlt")[4:] == [("C000001", "quarantined", "foreign_party")]
    assert take_in("DE*VLT", connection_id="vlt")[5:] == [("C000001", "duplicate", "same_content")]
    assert breaches(lake) == [
        ("ldw", "foreign_party", "DE*SWM*C000001"),
        ("ldw", "foreign_party", "DE*SWM*C000002"),
        ("vlt", "foreign_party", "DE*SWM*C000001"),
    ]


def test_a_party_that_is_declared_after_all_is_taken_with_the_next_pull(take_in, peer):
    peer.modules["cdrs"] = [cdr(1, **SWM)]
    assert take_in("DE*LDW") == [("C000001", "quarantined", "foreign_party")]
    assert take_in("DE*LDW", "DE*SWM")[1:] == [("C000001", "typed", None)]


@pytest.mark.parametrize("is_large", [False, True])
def test_a_file_is_held_to_the_parties_of_its_connection(settings, lake, peer, tmp_path, monkeypatch, is_large):
    if is_large:
        monkeypatch.setattr("pipelines.lib.intake.files.loading.CHECKED_BYTES", 10)
    path = tmp_path / "cdrs.ndjson"
    path.write_text("".join(json.dumps(each) + "\n" for each in (cdr(1), cdr(2, **SWM))))
    report = load_file(settings, lake, path, FileSource(peer.connection(), "cdrs"))
    if not is_large:
        assert ["add DE*SWM to its parties" in each.message for each in report.findings] == [True]
    normalise(settings, lake)
    assert lake.read(Layer.TYPED, "records")["rule"].to_list() == [None, "foreign_party"]


FRENCH = {"country_code": "FR", "party_id": "XXX"}


def exact(record):
    """Give a record as intake has it, its numbers in decimals."""
    return DECODE(json.dumps(record))


def test_in_2_1_1_an_object_belongs_to_the_connection_whatever_it_says():
    old, notes = noted_tariff(exact(tariff(**FRENCH)), "2.1.1", owner_id="de*ldw")
    assert old.owner_id == "DE*LDW"
    assert notes == ("tariff party_id: FR*XXX ignored: an object of 2.1.1 belongs to the party of its connection",)
    assert noted_tariff(exact(tariff()), "2.1.1", owner_id="DE*LDW")[1] == ()
    assert parse_tariff(exact(tariff(**FRENCH)), "2.2.1", owner_id="DE*LDW").owner_id == "FR*XXX"
    assert (
        parse_tariff(exact(tariff(**FRENCH)), "2.1.1").owner_id == "FR*XXX"
    )  # through a connection of several parties
    told = parse_cdr(exact(cdr(**FRENCH, tariffs=[tariff(**FRENCH)])), "2.1.1", owner_id="DE*LDW")
    assert (told.owner_id, told.tariffs[0].owner_id) == ("DE*LDW", "DE*LDW")
    assert [note for note in told.notes if "FR*XXX" in note]


def test_an_object_of_2_1_1_is_kept_under_the_party_of_its_connection(take_in, lake, peer):
    peer.versions = ("2.1.1",)
    peer.modules |= {"cdrs": [cdr(**FRENCH)], "sessions": [session(**FRENCH)], "locations": [location(**FRENCH)]}
    found = take_in("DE*LDW", modules=("cdrs", "sessions", "locations"))
    assert {rule for _, _, rule in found} == {None}
    for name, column in (("cdrs", "cpo_id"), ("sessions", "cpo_id")):
        assert lake.read_months(Layer.TYPED, name)[column].to_list() == ["DE*LDW"]
    assert lake.read(Layer.TYPED, "connectors")["cpo_id"].to_list() == ["DE*LDW"]


def test_through_a_connection_of_several_parties_an_object_of_2_1_1_must_name_one_of_them(take_in, peer):
    peer.versions = ("2.1.1",)
    peer.modules["cdrs"] = [cdr(1), cdr(2, **FRENCH)]
    assert [rule for _, _, rule in take_in("DE*LDW", "DE*SWM")] == [None, "foreign_party"]
