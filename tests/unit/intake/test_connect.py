"""A handshake agrees on tokens, survives being cut off anywhere, and says in one line what to do when it cannot."""

import json
import stat
from datetime import UTC, datetime

import pytest
from rich.console import Console

from pipelines.commands import connect as command
from pipelines.lib.connections import (
    CredentialsStore,
    connection_of_authorization,
    connection_of_token,
    fingerprint,
    open_transport,
)
from pipelines.lib.connections.handshake import Handshake
from pipelines.lib.connections.store import Credentials, Pending
from pipelines.lib.errors import UserError
from pipelines.lib.ocpi_client import Peer
from pipelines.lib.register.connections import connection_events
from pipelines.lib.settings import OwnParty
from tests.unit.intake.handshake_peer import TOKEN_A, HandshakePeer
from tests.unit.intake.little_peer import serving

OWN = OwnParty(party="DE*NST", name="Nordstern Mobility GmbH", versions_url="https://ocpi.nordstern.example/versions")
FIRST_C = "token-C-number-1-of-the-peer"
SECOND_C = "token-C-number-2-of-the-peer"


@pytest.fixture
def host():
    with serving(HandshakePeer()) as peer:
        yield peer


@pytest.fixture
def handshake(settings, register, host, monkeypatch):
    monkeypatch.setenv("ROAMLEDGER_TOKEN_LDW", TOKEN_A)

    def handshake(**changes):
        connection = host.connection(**changes)
        declared = settings.model_copy(update={"own_party": OWN, "connections": (connection,)})
        return Handshake(declared, register, connection)

    return handshake


def stored(shaking):
    return shaking.store.read("ldw")


def kinds(register):
    with register.transaction() as tx:
        return [event.kind for event in connection_events(tx)]


def test_registers_under_the_highest_common_version_and_keeps_the_token_that_it_is_given(handshake, host, register):
    agreed = handshake().register()
    assert (agreed.credentials.version, agreed.credentials.their_tokens) == ("2.3.0", (FIRST_C,))
    assert agreed.parties == ("DE*LDW", "DE*HUB")
    (given,) = host.given
    assert given == {
        "token": agreed.credentials.our_tokens[0],
        "url": "https://ocpi.nordstern.example/versions",
        "roles": [
            {
                "role": "EMSP",
                "business_details": {"name": "Nordstern Mobility GmbH"},
                "party_id": "NST",
                "country_code": "DE",
            }
        ],
    }
    assert len(given["token"]) == 43
    assert kinds(register) == ["registered"]


def test_speaks_flat_credentials_in_2_1_1(handshake, host):
    host.versions = ("2.1.1", "2.2")
    agreed = handshake().register()
    assert (agreed.credentials.version, agreed.parties) == ("2.1.1", ("DE*LDW",))
    assert set(host.given[0]) == {"token", "url", "business_details", "party_id", "country_code"}


@pytest.mark.parametrize(
    ("wishes", "version"),
    [
        ({"preferred_versions": ("2.2.1",)}, "2.2.1"),
        ({"preferred_versions": ("2.1.1", "2.2.1")}, "2.1.1"),
        ({"forbidden_versions": ("2.3.0",)}, "2.2.1"),
        ({"forbidden_versions": ("2.3.0", "2.2.1")}, "2.1.1"),
    ],
)
def test_heeds_what_the_settings_say_about_versions(handshake, wishes, version):
    assert handshake(**wishes).register().credentials.version == version


def test_a_peer_without_a_version_of_ours_is_said_so(handshake, host):
    host.versions = ("2.0", "2.2")
    with pytest.raises(UserError, match=r"offers OCPI 2\.0, 2\.2, we speak 2\.3\.0, 2\.2\.1, 2\.1\.1"):
        handshake().register()


def test_the_credentials_file_is_private_and_the_register_knows_fingerprints_only(handshake, settings, register):
    agreed = handshake().register().credentials
    path = settings.home / "credentials" / "ldw.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir() if not each.name.startswith(".")] == ["ldw.json"]
    with register.transaction() as tx:
        (event,) = connection_events(tx, "ldw")
    assert event.their_token_fingerprint == fingerprint(FIRST_C)
    assert event.our_token_fingerprint == fingerprint(agreed.our_tokens[0])
    assert (event.ocpi_version, event.happened_at) == ("2.3.0", datetime(2026, 11, 5, 6, tzinfo=UTC))


def test_the_peer_may_call_back_while_it_still_handles_the_registration(handshake, host):
    shaking = handshake()
    seen = []
    host.while_handling = lambda token: seen.append(connection_of_token(shaking.settings, token))
    shaking.register()
    assert seen == ["ldw"]


def test_pulls_speak_under_the_token_of_the_handshake(handshake):
    shaking = handshake()
    shaking.register()
    assert Peer(open_transport(shaking.settings, shaking.connection)).discover().version == "2.3.0"


def test_a_rotation_replaces_both_tokens_and_the_old_ones_are_over(handshake, host, register):
    shaking = handshake()
    before = shaking.register().credentials
    after = shaking.rotate().credentials
    assert after.their_tokens == (SECOND_C,)
    assert connection_of_token(shaking.settings, after.our_tokens[0]) == "ldw"
    assert connection_of_token(shaking.settings, before.our_tokens[0]) is None
    assert [request[0] for request in host.requests if "credentials" in request[1]] == ["POST", "PUT"]
    assert kinds(register) == ["registered", "rotated"]


def test_a_token_agreed_by_hand_can_be_rotated(handshake, host):
    host.registered = True
    assert handshake().rotate().credentials.their_tokens == (FIRST_C,)


def test_a_rotation_whose_answer_was_lost_goes_on_with_the_same_token_where_the_old_one_still_holds(handshake, host):
    shaking = handshake()
    before = shaking.register().credentials
    host.keeps_old_tokens, host.loses_answers = True, 1
    with pytest.raises(UserError, match="run the same command again"):
        shaking.rotate()
    begun = stored(shaking)
    assert (begun.their_tokens, begun.pending.kind) == ((FIRST_C,), "rotate")
    for ours in (begun.pending.our_token, before.our_tokens[0]):  # the peer may have either
        assert connection_of_token(shaking.settings, ours) == "ldw"
    after = shaking.rotate().credentials
    assert host.given[-1]["token"] == host.given[-2]["token"] == after.our_tokens[0]
    assert (after.their_tokens, after.pending) == (("token-C-number-3-of-the-peer",), None)


def test_a_rotation_whose_answer_was_lost_for_good_is_mended_by_a_new_token_a(handshake, host, monkeypatch):
    shaking = handshake()
    shaking.register()
    host.loses_answers = 1
    with pytest.raises(UserError):
        shaking.rotate()
    with pytest.raises(UserError, match=r"ask it for a new token A, put that into ROAMLEDGER_TOKEN_LDW and run"):
        shaking.rotate()
    host.accepted, host.registered = ["token-A-of-the-second-contact"], False
    monkeypatch.setenv("ROAMLEDGER_TOKEN_LDW", "token-A-of-the-second-contact")
    assert shaking.register().credentials.their_tokens == ("token-C-number-3-of-the-peer",)
    assert stored(shaking).pending is None


def test_a_registration_whose_answer_was_lost_is_made_up_for_by_a_put(handshake, host):
    shaking = handshake()
    host.keeps_old_tokens, host.loses_answers = True, 1
    with pytest.raises(UserError):
        shaking.register()
    assert shaking.register().credentials.their_tokens == (SECOND_C,)
    assert [request[0] for request in host.requests if "credentials" in request[1]] == ["POST", "POST", "PUT"]


def test_a_new_token_that_the_peer_does_not_take_yet_leaves_the_old_one_in_force(handshake, host):
    shaking = handshake()
    before = shaking.register().credentials
    host.refuses_new_token = True
    after = shaking.rotate().credentials
    assert after.their_tokens == (SECOND_C, FIRST_C)
    assert connection_of_token(shaking.settings, before.our_tokens[0]) == "ldw"
    assert Peer(open_transport(shaking.settings, shaking.connection)).discover().version == "2.3.0"
    host.accepted = [SECOND_C]
    assert shaking.prove().credentials.their_tokens == (SECOND_C,)
    assert connection_of_token(shaking.settings, before.our_tokens[0]) is None


def test_a_rotation_killed_before_its_event_is_recorded_by_the_next_command(handshake, register, monkeypatch):
    shaking = handshake()

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Handshake, "_record", killed)
        with pytest.raises(KeyboardInterrupt):
            shaking.register()
    assert kinds(register) == []
    shaking.prove()
    shaking.prove()
    assert kinds(register) == ["registered"]


def test_unregisters_and_forgets(handshake, host, register):
    shaking = handshake()
    ours = shaking.register().credentials.our_tokens[0]
    shaking.unregister()
    assert not host.registered
    assert not stored(shaking).is_registered
    assert connection_of_token(shaking.settings, ours) is None
    assert kinds(register) == ["registered", "unregistered"]


def test_unregistering_goes_on_where_it_was_cut_off(handshake, host):
    shaking = handshake()
    agreed = shaking.register().credentials
    pending = Pending(kind="unregister", our_token=None, begun_at=datetime(2026, 11, 5, tzinfo=UTC))
    shaking.store.write(Credentials(connection_id="ldw", their_tokens=agreed.their_tokens, pending=pending))
    host.accepted, host.registered = [], False
    shaking.unregister()
    assert stored(shaking) == Credentials(connection_id="ldw")


@pytest.mark.parametrize(
    ("was_registered", "verb", "remedy"),
    [
        (True, "register", "ask it to unregister us, or run `roamledger connect rotate ldw`"),
        (False, "rotate", "ask it for a token A and run `roamledger connect register ldw`"),
    ],
)
def test_405_is_answered_with_a_remedy(handshake, host, was_registered, verb, remedy):
    host.registered = was_registered
    shaking = handshake()
    with pytest.raises(UserError, match=remedy) as complaint:
        getattr(shaking, verb)()
    assert "\n" not in str(complaint.value)
    assert stored(shaking).pending is None


def test_who_is_registered_is_not_registered_twice(handshake):
    shaking = handshake()
    shaking.register()
    with pytest.raises(UserError, match="is registered already: run `roamledger connect rotate ldw`"):
        shaking.register()


def test_a_peer_without_credentials_is_said_so(handshake, host):
    host.has_credentials = False
    with pytest.raises(UserError, match="offers no credentials module: agree on a token by hand"):
        handshake().register()


def test_a_second_handshake_at_the_same_time_is_kept_out(handshake):
    shaking = handshake()
    with shaking.store.locked("ldw"), pytest.raises(UserError, match="another handshake of connection ldw"):
        shaking.register()


@pytest.mark.parametrize("refusal", [401, 403])
def test_auto_tries_the_other_encoding_where_one_is_refused_and_remembers(handshake, host, refusal):
    host.encoding, host.refusal = "raw", refusal
    shaking = handshake(token_encoding="auto")
    shaking.register()
    asked = [request[2]["authorization"] for request in host.requests]
    assert asked[1] == f"Token {TOKEN_A}"
    assert len([sent for sent in asked if sent == asked[0]]) == 1


def test_a_wrong_encoding_that_is_not_auto_stays_refused(handshake, host):
    host.encoding = "raw"
    with pytest.raises(UserError, match="refused our token with 401: check ROAMLEDGER_TOKEN_LDW"):
        handshake().register()


def test_every_request_has_an_id_of_its_own_and_the_run_one_in_common(handshake, host):
    handshake().register()
    headers = [request[2] for request in host.requests]
    assert len({each["x-request-id"] for each in headers}) == len(headers)
    assert len({each["x-correlation-id"] for each in headers}) == 1
    assert not any(name.startswith("ocpi-") for each in headers for name in each)


@pytest.mark.parametrize("header", ["Token c2VjcmV0LWluYm91bmQ=", "Token c2VjcmV0LWluYm91bmQK", "token secret-inbound"])
def test_a_token_agreed_by_hand_is_known_in_either_encoding(settings, host, monkeypatch, header):
    monkeypatch.setenv("INBOUND_LDW", "secret-inbound")
    declared = settings.model_copy(update={"connections": (host.connection(inbound_token_env="INBOUND_LDW"),)})
    assert connection_of_authorization(declared, header) == "ldw"


@pytest.mark.parametrize("header", ["", "Token ", "Token nobody", "Basic c2VjcmV0LWluYm91bmQ=", "secret-inbound"])
def test_an_unknown_token_belongs_to_nobody(settings, host, monkeypatch, header):
    monkeypatch.setenv("INBOUND_LDW", "secret-inbound")
    monkeypatch.setenv("INBOUND_NONE", "")
    wanted = (
        host.connection(inbound_token_env="INBOUND_LDW"),
        host.connection(connection_id="other", inbound_token_env="INBOUND_NONE"),
    )
    assert connection_of_authorization(settings.model_copy(update={"connections": wanted}), header) is None


def test_a_damaged_credentials_file_is_named(settings, register):
    store = CredentialsStore.of(settings.home)
    store.write(Credentials(connection_id="ldw"))
    (settings.home / "credentials" / "ldw.json").write_bytes(b"{")
    with pytest.raises(UserError, match=r"credentials file .*ldw\.json cannot be read"):
        store.read("ldw")


def test_the_command_says_what_was_agreed_and_no_token(handshake, settings, host, monkeypatch):
    toml = settings.home / "roamledger.toml"
    toml.write_text(
        '[own_party]\nparty = "DE*NST"\nname = "Nordstern"\nversions_url = "https://ocpi.nordstern.example/versions"\n'
        f'[[connections]]\nconnection_id = "ldw"\nkind = "cpo"\nversions_url = "{host.url}/versions"\n'
        'token_env = "ROAMLEDGER_TOKEN_LDW"\n'
    )
    monkeypatch.setenv("ROAMLEDGER_CONFIG", str(toml))
    monkeypatch.setenv("ROAMLEDGER_HOME", str(settings.home))
    console = Console(record=True, width=160)
    assert [command.register("ldw", console), command.rotate("ldw", console), command.status("", console)] == [0, 0, 0]
    said = console.export_text()
    assert "ldw: registered under OCPI 2.3.0" in said
    assert fingerprint(SECOND_C) in said
    tokens = json.loads((settings.home / "credentials" / "ldw.json").read_bytes())
    assert not [each for each in (*tokens["their_tokens"], *tokens["our_tokens"], TOKEN_A) if each in said]
