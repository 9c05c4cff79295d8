"""No token is ever kept or said: tokens are planted where a peer could echo them, then all that was written is read."""

import base64
import html
import json
import logging
import os
import sqlite3
import traceback
from urllib.parse import quote

import pyarrow as pa
import pytest
from starlette.responses import PlainTextResponse, Response

from models.schemas.registry import Layer
from pipelines.lib.connections.handshake import Handshake
from pipelines.lib.connections.store import Credentials, Pending
from pipelines.lib.errors import UserError
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.intake.pull import pull
from pipelines.lib.ocpi_client import Peer, PeerFailure, Transport
from pipelines.lib.ocpi_client.redaction import HIDDEN, Secrets, without_secrets
from pipelines.lib.raw_store import RawStore
from pipelines.lib.settings import Connection, OwnParty, load_settings
from tests.unit.intake.handshake_peer import HandshakePeer
from tests.unit.intake.little_peer import TOKEN, cdr, envelope, keep_pages, serving

SENT = base64.b64encode(TOKEN.encode()).decode()
PLANTED = "p1anted-in-a-url"
"""a secret that is not our token: in user info and queries of URLs"""
SOUGHT = (TOKEN, SENT, SENT.rstrip("="), PLANTED)


def echoing(content, status=200, **headers):
    """Give an answer whose headers and body repeat our token in every spelling."""
    echo = {
        "X-Echo": f"Token {SENT}",
        "ETag": f'"{TOKEN}"',
        "Last-Modified": SENT,
        "X-Limit": TOKEN,
        "Set-Cookie": f"token={TOKEN}",
    }
    return Response(content, status, echo | headers)


def planted_answers(url):
    """Give the answers of a peer that repeats our token wherever it can, in good pages and in bad."""
    message = {"status_message": f"unknown {TOKEN} alias {SENT}", "status_code": 2001, "data": []}
    link = f'<{url}/2.2.1/locations?offset=1&limit=2&date_to=9&token={PLANTED}&key={TOKEN}>; rel="next"'
    return [
        echoing(envelope([cdr(1, remark=f"our {TOKEN} and {SENT}")]), Link=link),
        echoing(f"<html>{TOKEN} {SENT}</html>"),
        echoing(f"<html>{TOKEN} {SENT}</html>"),
        echoing(f"<html>{TOKEN} {SENT}</html>"),
        echoing(json.dumps(message)),
        echoing(f"not you, {TOKEN}", 401),
        echoing(f"not you, {TOKEN}", 403),
        echoing(f"not you, {TOKEN}", 401),
        echoing("", 302, Location=f"http://user:{PLANTED}@elsewhere.example/?token={TOKEN}"),
    ]


def everything_kept(home):
    """Give all that stands below a home: files as they are and unpacked, and the register as text."""
    for path in home.rglob("*"):
        if not path.is_file() or path.parent.name == "credentials":
            continue
        content = path.read_bytes()
        yield path, content
        if path.suffix == ".zst":
            with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
                yield path, stream.read()
        if path.suffix == ".sqlite":
            yield path, "\n".join(sqlite3.connect(path).iterdump()).encode()


def assert_clean(text):
    assert not [secret for secret in SOUGHT if secret in text]


@pytest.fixture
def logged(caplog):
    for name in ("", "httpx", "httpcore", "stamina"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def test_a_pull_keeps_and_says_no_token(settings, lake, register, peer, logged, capsys):
    peer.faults = planted_answers(peer.url)
    told = []
    declared = settings.model_copy(update={"connections": (peer.connection(attempts=3),)})
    report = pull(declared, lake, register, progress=lambda module: told.append(str(module)))
    assert len(report.failures) >= 3
    kept = list(everything_kept(settings.home))
    assert {path.suffix for path, _ in kept} >= {".zst", ".json", ".sqlite"}
    for path, content in kept:
        assert not [secret for secret in SOUGHT if secret.encode() in content], path
    captured = capsys.readouterr()
    for text in (*told, repr(report), repr(declared), logged.text, captured.out, captured.err):
        assert_clean(text)


def test_a_page_with_our_token_is_kept_without_it_and_says_so(settings, lake, register, peer):
    peer.modules = {"cdrs": [cdr(1, remark=f"token {TOKEN}!")]}
    pull(settings.model_copy(update={"connections": (peer.connection(),)}), lake, register)
    (manifest,) = RawStore(lake).manifests("ldw", "cdrs")
    assert manifest.pages[0].headers["redacted"] == "our token"
    assert b"token ***!" in RawStore(lake).read_page(manifest.pages[0])


@pytest.mark.parametrize(
    "fault",
    [
        echoing(f"no {TOKEN}", 401),
        echoing(f"no {TOKEN}", 500),
        echoing(f"<html>{SENT}"),
        echoing(json.dumps({"data": [], "status_code": 2001, "status_message": f"{TOKEN} {SENT}"})),
        PlainTextResponse("", 302, {"Location": f"http://u:{PLANTED}@elsewhere.example"}),
    ],
    ids=["401", "500", "html", "ocpi-2001", "redirect"],
)
def test_no_exception_and_no_traceback_holds_a_token(settings, peer, fault):
    peer.faults = [fault] * 3
    transport = Transport.open(peer.connection(), first_pause=0.01)
    api = Peer(transport).discover()
    try:
        for page in Peer(transport).pages(api, "cdrs", None, settings.clock()):
            raise page.problem or AssertionError
    except PeerFailure as failure:
        shown = traceback.format_exception(failure)
        assert_clean(str(failure) + repr(failure) + "".join(shown))
    else:
        pytest.fail("the fault did not fail")


def test_an_endpoint_with_a_password_is_refused_without_saying_it(settings, peer, lake, register):
    listed = {"data": [{"version": "2.2.1", "url": f"http://user:{PLANTED}@elsewhere.example/x?k={PLANTED}"}]}
    peer.modules["versions"] = []
    peer.faults = [Response(json.dumps(listed | {"status_code": 1000}))]
    report = pull(
        settings.model_copy(update={"connections": (peer.connection(versions_url=f"{peer.url}/2.2.1/versions"),)}),
        lake,
        register,
    )
    assert {each.failure_kind for each in report.failures} == {"foreign_host"}
    assert_clean(repr(report))


def test_a_url_with_a_password_in_the_settings_is_refused_without_saying_it(tmp_path, monkeypatch):
    (tmp_path / "roamledger.toml").write_text(
        '[[connections]]\nconnection_id = "ldw"\nkind = "cpo"\ntoken_env = "X"\n'
        f'versions_url = "https://user:{PLANTED}@peer.example/versions"\n'
    )
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    monkeypatch.delenv("ROAMLEDGER_CONFIG", raising=False)
    with pytest.raises(UserError, match="without user name and password") as complaint:
        load_settings()
    assert_clean(str(complaint.value))


def test_a_handshake_keeps_its_tokens_in_their_file_and_nowhere_else(settings, register, logged, monkeypatch, capsys):
    with serving(HandshakePeer(accepted=[TOKEN])) as host:
        own = OwnParty(party="DE*NST", name="Nordstern", versions_url="https://ocpi.nordstern.example/versions")
        declared = settings.model_copy(update={"own_party": own, "connections": (host.connection(),)})
        shaking = Handshake(declared, register, host.connection())
        agreed = [shaking.register(), shaking.rotate()]
        host.accepted = []
        with pytest.raises(UserError) as complaint:
            shaking.rotate()
    held = [token for each in agreed for token in (*each.credentials.their_tokens, *each.credentials.our_tokens)]
    captured = capsys.readouterr()
    said = f"{agreed} {complaint.value} {logged.text} {captured.out} {captured.err} {shaking!r}"
    assert not [token for token in (*held, TOKEN) if token in said]
    for path, content in everything_kept(settings.home):
        assert not [token for token in (*held, TOKEN) if token.encode() in content], path


def test_reprs_of_credentials_show_fingerprints(settings):
    pending = Pending(kind="rotate", our_token="token-begun", begun_at=settings.clock())
    shown = repr(
        Credentials(connection_id="ldw", their_tokens=("token-theirs",), our_tokens=("token-ours",), pending=pending)
    )
    assert "token-" not in shown + repr(pending)


def test_a_secret_is_found_in_every_spelling():
    secrets = Secrets.of(['a/b+c"d=e?f-long-enough'])
    sent = base64.b64encode(b'a/b+c"d=e?f-long-enough').decode()
    for spelling in (
        'a/b+c"d=e?f-long-enough',
        sent,
        sent.rstrip("="),
        "a%2Fb%2Bc%22d%3De%3Ff-long-enough",
        'a\\/b+c\\"d=e?f-long-enough',
    ):
        assert secrets.scrubbed(f"<{spelling}>") == "<***>"
        assert secrets.redacted(f"<{spelling}>".encode()) == b"<***>"


def test_a_url_is_kept_without_user_query_and_fragment():
    kept = without_secrets(f"https://user:{PLANTED}@peer.example:8443/cdrs?offset=2&token={PLANTED}&limit=5#{PLANTED}")
    assert kept == "https://peer.example:8443/cdrs?offset=2&limit=5"


ODD = "p/lanted+T0ken&of<ours>+42"
ODD_SENT = base64.b64encode(ODD.encode()).decode()


def json_escaped(text, signs="+&<>/'="):
    return "".join(f"\\u{ord(char):04X}" if char in signs else char for char in text)


ECHOES = {
    "as .NET writes JSON": json_escaped(ODD),
    "as Go writes JSON": json_escaped(ODD, "&<>").replace("003C", "003c").replace("003E", "003e"),
    "escaped throughout": "".join(f"\\u{ord(char):04x}" for char in ODD),
    "percent in small letters": quote(ODD, safe="").replace("%2B", "%2b").replace("%2F", "%2f"),
    "percent throughout": "".join(f"%{byte:02X}" for byte in ODD.encode()),
    "HTML": html.escape(ODD),
    "HTML in numbers": "".join(f"&#{ord(char)};" for char in ODD),
    "JSON in JSON": json_escaped(ODD).replace("\\", "\\\\"),
    "a URL in JSON": json_escaped(quote(ODD_SENT, safe="")),
    "base64 as .NET writes JSON": json_escaped(ODD_SENT),
    "base64 of URLs": base64.urlsafe_b64encode(ODD.encode()).decode(),
    "base64 of the header": base64.b64encode(f"Token {ODD}".encode()).decode(),
    "base64 of the header as sent": base64.b64encode(f"Token {ODD_SENT}".encode()).decode(),
    "base64 with a line end": base64.b64encode(f"{ODD}\n".encode()).decode(),
    "base64 over lines": "\\r\\n".join(ODD_SENT[at : at + 20] for at in range(0, len(ODD_SENT), 20)),
    "hex": ODD.encode().hex(),
    "hex in capitals": ODD.encode().hex().upper(),
}


@pytest.mark.parametrize("echo", ECHOES)
def test_an_echo_in_another_writers_spelling_reaches_no_table(settings, lake, echo):
    records = [
        json.dumps(cdr(1, remark="ECHO")),
        json.dumps(cdr(2, last_updated="ECHO")),
        json.dumps(cdr(3, session_id="x ECHO y", total_cost={"excl_vat": "ECHO"})),
        json.dumps(cdr(4, remark="\u00dfblank 100 % & so on")),
    ]
    records[0] = records[0].replace(json.dumps(cdr(1)["cdr_location"]["name"]), '"ECHO"')
    page = f'{{"status_code":1000,"data":[{",".join(records)}]}}'.replace("ECHO", ECHOES[echo])
    content = Secrets.of([ODD]).redacted(page.encode())
    assert b"blank 100 % & so on" in content
    keep_pages(RawStore(lake), "cdrs", [content], pull_id="20261105T060000Z", received_at=settings.clock())
    normalise(settings, lake)
    tables = [lake.read_months(Layer.TYPED, "cdrs"), lake.read(Layer.TYPED, "records")]
    said = "".join(str(table.to_dicts()) for table in tables) + content.decode()
    for secret in (ODD, ODD_SENT.rstrip("="), ECHOES[echo].rstrip("=")):
        assert secret not in said
    assert len(tables[1]) == 4
    assert Secrets.of([ODD]).redacted(content) is content


@pytest.mark.parametrize("echo", ECHOES)
def test_an_echo_in_a_message_is_not_repeated(echo):
    said = Secrets.of([ODD]).scrubbed(f"no such token: {ECHOES[echo]} here")
    assert ECHOES[echo].rstrip("=") not in said
    assert HIDDEN in said


def test_a_page_in_utf_16_that_has_our_token_is_not_kept():
    page = f'{{"remark": "our {TOKEN}"}}'
    for encoding in ("utf-16", "utf-16-be"):
        assert Secrets.of([TOKEN]).redacted(page.encode(encoding)) == HIDDEN.encode()
    assert Secrets.of([TOKEN]).redacted(content := "no token".encode("utf-16")) is content


@pytest.mark.parametrize("token", ["with a space", "stra\u00dfe-of-ours", "line\n", "tab\tbed", "nul\x00", "\x7f"])
def test_a_token_that_ocpi_does_not_allow_is_refused_where_it_is_set(monkeypatch, token):
    """What is searched for in pages is ASCII without white space: others would stand there in spellings unknown."""
    monkeypatch.setattr(os, "environ", os.environ | {"TOKEN_OF_LDW": token})
    ldw = Connection(connection_id="ldw", kind="cpo", versions_url="https://ldw.example", token_env="TOKEN_OF_LDW")
    with pytest.raises(UserError, match="TOKEN_OF_LDW holds what no token has") as error:
        ldw.token()
    assert token not in str(error.value)


def test_a_page_without_our_token_stays_the_same_object():
    page = envelope([cdr(number, remark='ä "\\" 100 % & &amp; \n +/=') for number in range(50)])
    assert Secrets.of([ODD, TOKEN]).redacted(page) is page
