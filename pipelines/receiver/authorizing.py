"""Real-time authorization: a driver's token, answered from our own tables, and logged as what we answered.

OCPI knows the question and not the record of the answer: the log is the custom module `authorizations`, which takes the
same way as everything else, raw page, typed table. A CDR is later held against it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from threading import Lock
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from models.schemas.registry import Layer, table
from models.types.identifiers import object_key
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.token_decisions import is_blocked, last_decisions
from pipelines.lib.token_decisions import SAFE_WHITELIST
from pipelines.receiver.calls import Call, read_object
from pipelines.receiver.entries import NOTHING, Entry, one_line
from pipelines.receiver.envelopes import INVALID, TOO_LITTLE, UNKNOWN_TOKEN, Answer, Refusal, header
from pipelines.receiver.spool import Spool

_DEFAULT_TYPE: Final = "RFID"
"""where the question names none (2.2.1-d2, 12.2.2)"""
_TABLES: Final = ((Layer.TYPED, "tokens"), (Layer.MASTER, "contracts"), (Layer.MASTER, "accounts"))


@dataclass
class TokenBook:
    """Tokens, contracts and accounts as intake last wrote them, read again when a file changed.

    What people decided about a token counts from the moment they did: a block waits for no intake.
    """

    lake: Lake
    register: Register
    _lock: Lock = field(default_factory=Lock, repr=False)
    """questions come from several threads, and one of them reads for all"""
    _stamp: tuple[object, ...] = ()
    _tokens: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _rows: pl.DataFrame = field(default_factory=table(Layer.TYPED, "tokens").empty, repr=False)
    _contracts: dict[str, dict[str, Any]] = field(default_factory=dict)
    _accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    _zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    def token(self, uid: str, token_type: str) -> dict[str, Any] | None:
        """Give a row of `typed/tokens`; ids are compared without case."""
        with self._lock:
            self._refresh()
        token = self._tokens.get((uid.upper(), token_type.upper()))
        if token is None:
            return None
        with self.register.reading() as tx:
            return token | {"is_valid": token["is_valid"] and not is_blocked(tx, uid, token_type)}

    def listed(self) -> pl.DataFrame:
        """Give every token as `token` gives one, the oldest change first.

        A decision is a change: `last_updated_at` is then what peers were told with it (`token_decisions.py`), else who
        asks for what is new since yesterday would never hear of a block.
        """
        with self._lock:
            self._refresh()
            rows = self._rows
        with self.register.reading() as tx:
            decided = last_decisions(tx)
        told = pl.max_horizontal("decided_at", pl.col("last_updated_at") + pl.duration(seconds=1))
        return (
            rows.with_columns(
                _uid=pl.col("token_uid").str.to_uppercase(), _type=pl.col("token_type").str.to_uppercase()
            )
            .unique(["_uid", "_type"], keep="last", maintain_order=True)
            .join(decided, left_on=["_uid", "_type"], right_on=["token_uid", "token_type"], how="left", validate="1:1")
            .with_columns(
                pl.col("is_valid") & ~pl.col("is_blocked").fill_null(value=False),
                # Objects tell whole seconds, and a window must mean what they tell.
                pl.when(pl.col("decided_at").is_null())
                .then("last_updated_at")
                .otherwise(told)
                .dt.truncate("1s")
                .alias("last_updated_at"),
            )
            .sort("last_updated_at", "_uid", "_type")
        )

    def allowed(self, token: Mapping[str, Any], at: datetime) -> tuple[str, str | None]:
        """Say what OCPI calls AllowedType, and a word for the driver where it is no.

        A contract that the books do not know is not allowed; where there are no books of contracts at all, the token
        decides alone. Contracts end, exclusive, on the company's calendar.
        """
        if not token["is_valid"]:
            return "BLOCKED", "this token is blocked"
        if not self._contracts:
            return "ALLOWED", None
        contract, today = self._contracts.get(token["contract_id"].upper()), at.astimezone(self._zone).date()
        if contract is None or contract["valid_from"] > today:
            return "NOT_ALLOWED", "no contract for this token"
        if _is_over(contract, today):
            return "EXPIRED", "the contract has ended"
        account = self._accounts.get(contract["account_id"])
        if account is not None and _is_over(account, today):
            return "NO_CREDIT", "nobody pays for this contract any more"
        return "ALLOWED", None

    def _refresh(self) -> None:
        stamp = tuple(self.lake.stamp(self.lake.path(layer, name)) for layer, name in _TABLES)
        if stamp == self._stamp:
            return
        tokens, contracts, accounts = (self.lake.read(layer, name) for layer, name in _TABLES)
        tokens = tokens.sort("last_updated_at", maintain_order=True)  # of two spellings the newest counts
        self._tokens = {
            (row["token_uid"].upper(), row["token_type"].upper()): row for row in tokens.iter_rows(named=True)
        }
        self._rows = tokens
        self._contracts = {row["contract_id"].upper(): row for row in contracts.iter_rows(named=True)}
        self._accounts = {row["account_id"]: row for row in accounts.iter_rows(named=True)}
        entities = self.lake.read(Layer.MASTER, "legal_entities")
        self._zone = ZoneInfo(entities["time_zone"][0] if entities.height else "UTC")
        self._stamp = stamp


@dataclass
class Authorizing:
    """Answers POST tokens/{uid}/authorize."""

    spool: Spool
    book: TokenBook
    own_party: str

    async def authorize(self, call: Call) -> Answer:
        """Decide, log, answer; every ALLOWED has a reference of its own (2.2 and later)."""
        if call.method != "POST" or len(call.rest) != 2 or call.rest[1] != "authorize":  # noqa: PLR2004 - uid, verb
            raise Refusal(404, INVALID, "expected POST tokens/{uid}/authorize")
        uid, token_type = call.rest[0], call.query.get("type") or _DEFAULT_TYPE
        where = _where(call)
        # In a thread: the tables and the register are files, and while they are read others ask.
        party = await asyncio.to_thread(self._asking_party, call, where)
        token = await asyncio.to_thread(self.book.token, uid, token_type)
        if token is None:
            await self._log(call, party, _Outcome(uid, token_type, None, "NOT_ALLOWED", None), where)
            code = INVALID if call.version == "2.1.1" else UNKNOWN_TOKEN
            return Answer(None, code, "unknown token", 404)
        allowed, word = self.book.allowed(token, call.received_at)
        reference = str(uuid.uuid4()) if call.version != "2.1.1" and allowed == "ALLOWED" else None
        outcome = _Outcome(token["token_uid"], token["token_type"], token["contract_id"], allowed, reference)
        await self._log(call, party, outcome, where)
        return Answer(self._info(call, token, outcome, where, word))

    def _asking_party(self, call: Call, where: _Where) -> str:
        """Give the CPO that asks: as the hub says, else the connection's one party, else the owner of the location.

        Raises:
            Refusal: 2002 where none of them tells.
        """
        headers = (header(call.headers, f"ocpi-from-{name}") for name in ("country-code", "party-id"))
        said = "*".join(part or "" for part in headers).upper()
        parties = [party.upper() for party in call.connection.parties]
        if said in parties:
            return said
        if len(parties) == 1:
            return parties[0]
        owners = self._owners_of(where.location_id) & set(parties)
        if len(owners) != 1:
            message = "expected a location_id, or OCPI-from headers, that tell which party asks"
            raise Refusal(200, TOO_LITTLE, message)
        return owners.pop()

    def _owners_of(self, location_id: str | None) -> set[str]:
        if location_id is None:
            return set()
        connectors = self.book.lake.read(Layer.TYPED, "connectors")
        wanted = pl.col("location_id").str.to_uppercase() == location_id.upper()
        return set(connectors.filter(wanted)["cpo_id"].str.to_uppercase())

    def _info(
        self, call: Call, token: Mapping[str, Any], outcome: _Outcome, where: _Where, word: str | None
    ) -> dict[str, Any]:
        """Give AuthorizationInfo; 2.1.1 knows neither the token nor the reference in it."""
        info: dict[str, Any] = {"allowed": outcome.allowed}
        if call.version != "2.1.1":
            info |= {"token": wire_token(token, self.own_party)}
            info |= {"authorization_reference": outcome.reference} if outcome.reference else {}
        if where.references is not None and outcome.allowed == "ALLOWED":
            info |= {"location": where.references}
        return info | ({"info": {"language": "en", "text": word}} if word else {})

    async def _log(self, call: Call, party: str, outcome: _Outcome, where: _Where) -> None:
        country, party_id = party.split("*")
        now, identifier = f"{call.received_at:%Y-%m-%dT%H:%M:%S.%f}Z", uuid.uuid4().hex
        line = {
            "authorization_id": identifier,
            "authorization_reference": outcome.reference,
            "country_code": country,
            "party_id": party_id,
            "token_uid": outcome.uid,
            "token_type": outcome.token_type,
            "contract_id": outcome.contract_id,
            "location_id": where.location_id,
            "evse_uid": where.evse_uid,
            "allowed": outcome.allowed,
            "timestamp": now,
            "last_updated": now,
        }
        record = msgspec.json.encode({name: value for name, value in line.items() if value is not None})
        await self.spool.append(_entry(self.spool, call, object_key(country, party_id, identifier), record))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What was decided about which token."""

    uid: str
    token_type: str
    contract_id: str | None
    allowed: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class _Where:
    """The LocationReferences of a question."""

    location_id: str | None = None
    evse_uid: str | None = None
    references: Mapping[str, object] | None = None


def _where(call: Call) -> _Where:
    """Read the optional LocationReferences; an EVSE counts as named only where it is the only one."""
    if not call.body.strip():
        return _Where()
    body, _ = read_object(call.body)
    location_id, evses = body.get("location_id"), body.get("evse_uids")
    if not isinstance(location_id, str) or not location_id.strip():
        raise Refusal(200, TOO_LITTLE, "location_id: expected in LocationReferences")
    only = evses[0] if isinstance(evses, list) and len(evses) == 1 else None
    return _Where(location_id, only if isinstance(only, str) else None, body)


def _entry(spool: Spool, call: Call, key: str, record: bytes) -> Entry:
    logged = replace(call, module="authorizations")
    return Entry(
        sequence=spool.next_sequence(),
        received_at=logged.received_at,
        connection_id=logged.connection.connection_id,
        module=logged.module,
        ocpi_version=logged.version,
        owner_id=None,
        method=logged.method,
        path=logged.path,
        key=key,
        sha256=key,
        request_id=header(logged.headers, "x-request-id"),
        correlation_id=header(logged.headers, "x-correlation-id"),
        record=one_line(record),
        sent=one_line(logged.body) if logged.body.strip() else NOTHING,
    )


def wire_token(token: Mapping[str, Any], own_party: str) -> dict[str, Any]:
    """Give a row of `typed/tokens` as the Token object of OCPI 2.3.0, with what every version wants in it.

    Of a token whose whitelist setting nobody knows chargers always ask us.
    """
    country, party = own_party.split("*")
    fields = {
        "country_code": country,
        "party_id": party,
        "uid": token["token_uid"],
        "type": token["token_type"],
        "contract_id": token["contract_id"],
        "issuer": token["issuer"] or own_party,
        "group_id": token["group_id"],
        "valid": token["is_valid"],
        "whitelist": token["whitelist"] or SAFE_WHITELIST,
        "last_updated": f"{token['last_updated_at']:%Y-%m-%dT%H:%M:%SZ}",
    }
    return {name: value for name, value in fields.items() if value is not None}


def _is_over(row: Mapping[str, Any], today: date) -> bool:
    return row["valid_to"] is not None and row["valid_to"] <= today
