"""A CDR told again in other words is a duplicate and breaks nothing; one that says something else is changed."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from models.schemas.registry import Layer
from pipelines.lib.intake.history import remember
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.intake.readers.decoding import CANONICAL, DECODE, canonical_sha256
from pipelines.lib.raw_store import RawStore
from pipelines.sandbox.wire_v211 import Atlas
from pipelines.sandbox.wire_v211 import cdr as told_in_211
from pipelines.sandbox.wire_v230 import cdr as told_in_230
from tests.unit.intake.little_peer import cdr, envelope, keep_pages, location, tariff

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
NIGHT = {"price_components": [{"type": "ENERGY", "price": 0.2, "step_size": 1}], "restrictions": {"max_current": 16}}


def in_211(record):
    return told_in_211(record, Atlas([location()]))


def in_230(record):
    """Tell a CDR in 2.3.0, whose taxes are what the amounts of 2.2.1 differ by: to the digit, so in decimals."""
    return told_in_230(DECODE(json.dumps(record)))


@pytest.fixture
def receive(settings, lake):
    """Receive pages of CDRs, a day after the pages before; give rule and reason of every record."""
    pulls = []

    def receive(*records, version="2.2.1", connection_id="ldw", at=None):
        at = at or NOW + timedelta(days=len(pulls))
        pulls.append(at)
        page = records[0] if isinstance(records[0], bytes) else CANONICAL({"status_code": 1000, "data": records})
        facts = {"pull_id": f"{at:%Y%m%dT%H%M%SZ}", "received_at": at}
        keep_pages(RawStore(lake), "cdrs", [page], version=version, connection_id=connection_id, **facts)
        normalise(settings, lake)
        remember(settings, lake)
        return lake.read(Layer.TYPED, "records").select("outcome", "rule").rows()

    return receive


def breaches(lake):
    return lake.read(Layer.TYPED, "protocol_violations")["code"].to_list()


RESPELLED = {
    "a zero at the end": (b'"total_energy": 10.1234', b'"total_energy": 10.12340'),
    "an exponent": (b'"total_energy": 10.1234', b'"total_energy": 101234E-4'),
    "the id in another case": (b'"id": "C000001"', b'"id": "c000001"'),
    "the party in another case": (b'"party_id": "LDW"', b'"party_id": "ldw"'),
    "an added null": (b'"auth_method"', b'"remark": null, "auth_method"'),
    "no Z": (b"2026-10-12T09:00:00Z", b"2026-10-12T09:00:00"),
    "a fraction of nothing": (b"2026-10-12T09:00:00Z", b"2026-10-12T09:00:00.000Z"),
}


@pytest.mark.parametrize("habit", RESPELLED)
def test_a_cdr_that_is_only_spelled_otherwise_is_the_same(receive, lake, habit):
    page = envelope([cdr()])
    other = page.replace(*RESPELLED[habit], 1)
    assert other != page
    receive(page)
    assert receive(other) == [("typed", None), ("duplicate", "same_content")]
    assert breaches(lake) == []


DIFFERENT = [
    (b'{"x": 1}', b'{"x": true}'),
    (b'{"x": 0}', b'{"x": false}'),
    (b'{"x": "1.0"}', b'{"x": "1"}'),
    (b'{"x": 1.0000000000000000000000000000000001}', b'{"x": 1}'),
    (b'{"x": [null]}', b'{"x": []}'),
    (b'{"remark": "a"}', b'{"remark": "A"}'),
    (b'{"x": "2026-10-12T09:00:00+02:00"}', b'{"x": "2026-10-12T09:00:00Z"}'),
    (b'{"cdr_location": {"id": "a"}}', b'{"cdr_location": {"id": "A"}}'),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_says_something_else_has_another_hash(one, other):
    assert canonical_sha256(DECODE(one)) != canonical_sha256(DECODE(other))


def test_no_exponent_and_no_depth_is_beyond_the_canonical_hash():
    assert canonical_sha256(DECODE(b"1e-999999999999")) == canonical_sha256(DECODE(b"10e-1000000000000"))
    deep = DECODE(b'{"a":' * 700 + b"1" + b"}" * 700)
    assert canonical_sha256(deep) == canonical_sha256(deep)


TOLD = {
    "everything": cdr(),
    "by an app": cdr(auth_method="COMMAND"),
    "an element that 2.1.1 cannot say": cdr(tariffs=[tariff(elements=[NIGHT, *tariff()["elements"]])]),
    "parts of the cost": cdr(total_energy_cost={"excl_vat": 4.55, "incl_vat": 5.4145}),
}


@pytest.mark.parametrize("connection_id", ["ldw", "hub"])
@pytest.mark.parametrize("what", TOLD)
def test_a_cdr_told_again_in_another_version_is_a_duplicate(receive, lake, what, connection_id):
    record = TOLD[what]
    receive(in_211(record), version="2.1.1")
    became = receive(record, connection_id=connection_id)
    assert became == [("typed", None), ("duplicate", "same_claim")]
    assert receive(in_230(record), version="2.3.0", connection_id=connection_id)[2] == ("duplicate", "same_claim")
    assert receive(in_230(record), version="2.3.0")[3] == ("duplicate", "same_content")
    assert breaches(lake) == []
    (reason,) = set(lake.read(Layer.TYPED, "records").filter(rule="same_claim")["reason"].str.extract("^(.*) \\("))
    assert reason == "cdr DE*LDW*C000001 was received before in another version of OCPI"


def test_the_order_of_the_versions_is_of_no_account(receive, lake):
    receive(in_230(cdr()), version="2.3.0")
    assert receive(in_211(cdr()), version="2.1.1")[1] == ("duplicate", "same_claim")
    assert receive(cdr())[2] == ("duplicate", "same_claim")
    assert breaches(lake) == []


CHANGED = {
    "the energy": {"total_energy": 10.1235},
    "the cost": {"total_cost": {"excl_vat": 4.56, "incl_vat": 5.4145}},
    "a period": {"charging_periods": [cdr()["charging_periods"][0] | {"start_date_time": "2026-10-12T08:00:01Z"}]},
    "the end": {"end_date_time": "2026-10-12T09:00:01Z"},
    "whose it was": {"cdr_token": cdr()["cdr_token"] | {"contract_id": "DENSTC2"}},
    "the place": {"cdr_location": cdr()["cdr_location"] | {"evse_uid": "E2"}},
    "the current": {"cdr_location": cdr()["cdr_location"] | {"connector_power_type": "DC"}},
    "a price": {"tariffs": [tariff(elements=[{"price_components": [{"type": "ENERGY", "price": 1, "step_size": 1}]}])]},
    "no tariff": {"tariffs": []},
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_cdr_that_another_version_tells_otherwise_is_changed(receive, lake, what):
    receive(in_211(cdr()), version="2.1.1")
    assert receive(cdr(**CHANGED[what]))[1] == ("quarantined", "cdr_changed")
    assert breaches(lake) == ["cdr_changed"]


def test_between_younger_versions_what_2_1_1_cannot_say_counts(receive, lake):
    receive(cdr())
    assert receive(in_230(cdr(session_id="S2")), version="2.3.0")[1] == ("quarantined", "cdr_changed")
    assert breaches(lake) == ["cdr_changed"]


def test_two_bodies_in_one_version_are_a_change_although_2_1_1_tells_them_alike(receive, lake):
    receive(in_211(cdr()), version="2.1.1")
    receive(cdr())
    assert receive(cdr(session_id="S2"))[2] == ("quarantined", "cdr_changed")
    assert receive(in_230(cdr(session_id="S2")), version="2.3.0")[3] == ("quarantined", "cdr_changed")
    assert breaches(lake) == ["cdr_changed", "cdr_changed"]


def test_what_was_refused_proves_no_duplicate(receive, lake):
    """A session that ends tomorrow is refused; the same record again, once that is past, is the first of its CDR."""
    early = datetime(2026, 10, 1, tzinfo=UTC)
    receive(cdr(), at=early)
    receive(cdr(), at=early + timedelta(hours=1))
    assert receive(cdr()) == [("quarantined", "bad_time"), ("duplicate", "same_content"), ("typed", None)]
    assert json.loads(lake.read(Layer.TYPED, "records")["record_json"][0])["id"] == "C000001"
    assert receive(in_211(cdr()), version="2.1.1")[3] == ("duplicate", "same_claim")
    assert breaches(lake) == []
