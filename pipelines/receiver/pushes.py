"""What a push means: CDRs, sessions, tariffs, locations and invoice reconciliation records.

A handler decides, has the spool make it durable, and only then answers. Requests about one object are handled one after
the other, because a PATCH builds on what was there. The same content again changes nothing and gets the same answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from weakref import WeakValueDictionary

import msgspec

from models.ocpi.patching import child_of, has_appended, is_older, patched, state_at, updated_at, with_child
from models.ocpi.problems import RecordProblem
from models.ocpi.reading import parse_cdr
from models.ocpi.retelling import is_retold
from models.types.identifiers import object_key
from pipelines.lib.intake.readers import READERS, PageContext, canonical_of
from pipelines.lib.master_data import alpha2_by_alpha3
from pipelines.receiver.calls import Call, read_object
from pipelines.receiver.entries import NOTHING, Entry, one_line
from pipelines.receiver.envelopes import CLIENT_ERROR, INVALID, Answer, Refusal, header
from pipelines.receiver.objects import Known, ObjectIndex, digest_of
from pipelines.receiver.pulled import FirstCdr, PulledObjects
from pipelines.receiver.spool import Spool

_OWNED_DEPTH: Final = 3
"""country code, party id and id: the path of an object in sessions, tariffs and locations"""
_LEVELS: Final = (("evses", "uid"), ("connectors", "id"))
"""below a location: the list that holds the next level, and the name of its entries' ids"""


@dataclass
class Pushes:
    """The modules that peers push to."""

    spool: Spool
    index: ObjectIndex
    pulled: PulledObjects
    _locks: WeakValueDictionary[tuple[str, str, str], asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def cdrs(self, call: Call) -> Answer:
        """POST a CDR, or GET one by the URL that its POST was answered with."""
        if call.method == "GET" and len(call.rest) == 1:
            key = self.index.key_of(call.connection.connection_id, "cdrs", call.rest[0])
            first = await self._first_cdr(call, key) if key else None
            return _shown(first.body if first else None)
        _expect(call, "POST", 0)
        body, content = read_object(call.body)
        owner = _owner_of_body(call, body)
        key = f"{owner}*{_id_of(body)}".upper()
        url = f"{call.base_url}/{call.version}/cdrs/{digest_of(key)}"
        async with self._lock(call, key):
            first = await self._first_cdr(call, key)
            is_first = first is None or canonical_of(first.body) == content
            problem = _problem(call, body, owner)
            if not self._has_seen(call, key, content):
                evidence = not is_first or problem is not None
                await self._keep(call, owner, key, content, one_line(call.body), is_evidence=evidence)
        if problem:
            return Answer(None, INVALID, problem)
        if first is not None and not is_first and not _tells_again(call, body, owner, first):
            message = (
                f"cdr {_id_of(body)} was received before with other content, and CDRs are immutable: "
                "the first one stays; send a credit CDR and a new one to correct it"
            )
            return Answer(None, INVALID, message, headers={"Location": url})
        return Answer(headers={"Location": url})

    async def objects(self, call: Call) -> Answer:
        """GET, PUT, PATCH or DELETE an object under its owner and id."""
        _expect_depth(call, _OWNED_DEPTH)
        owner = _owned(call, f"{call.rest[0]}*{call.rest[1]}")
        key = object_key(*call.rest[:_OWNED_DEPTH])
        async with self._lock(call, key):
            match call.method:
                case "GET":
                    known = self._known(call, key)
                    return _shown(known.body if known else None)
                case "PUT":
                    return await self._put(call, owner, key)
                case "PATCH":
                    return await self._patch(call, owner, key)
                case "DELETE" if call.module != "sessions":
                    return await self._delete(call, owner, key)
                case _:
                    raise _no_method(call)

    async def locations(self, call: Call) -> Answer:
        """GET, PUT or PATCH a location, an EVSE of one, or a connector of that."""
        if len(call.rest) not in range(_OWNED_DEPTH, _OWNED_DEPTH + 3) or call.method == "DELETE":
            raise _no_method(call)
        if len(call.rest) == _OWNED_DEPTH:
            return await self.objects(call)
        owner = _owned(call, f"{call.rest[0]}*{call.rest[1]}")
        key = object_key(*call.rest[:_OWNED_DEPTH])
        async with self._lock(call, key):
            location = await self._current(call, key)
            if call.method == "GET":
                return _shown(_descended(location, call.rest[_OWNED_DEPTH:]))
            return await self._put_child(call, owner, key, location)

    async def invoice_reconciliation(self, call: Call) -> Answer:
        """POST a record of 2.3.0, or GET, PUT or DELETE one by its id, with or without its owner before it."""
        if call.method != "POST":
            return await self.objects(_with_owner(call))
        _expect(call, "POST", 0)
        body, content = read_object(call.body)
        owner = _owner_of_body(call, body)
        key = f"{owner}*{_id_of(body)}".upper()
        async with self._lock(call, key):
            return await self._store_object(call, owner, key, body, content)

    async def _put(self, call: Call, owner: str, key: str) -> Answer:
        body, content = read_object(call.body)
        _hold_ids(call, body)
        return await self._store_object(call, owner, key, body, content)

    async def _store_object(self, call: Call, owner: str, key: str, body: Mapping[str, object], content: str) -> Answer:
        known = self._known(call, key)
        problem = _problem(call, body, owner)
        is_repeated = known is not None and known.body is not None and known.sha256 == content
        if problem:
            is_repeated = self._has_seen(call, key, content)
        if not is_repeated:
            is_late = known is not None and known.body is not None and is_older(call.body, known.body)
            evidence = problem is not None or is_late
            await self._keep(call, owner, key, content, one_line(call.body), is_evidence=evidence)
        return Answer(None, INVALID, problem) if problem else Answer()

    async def _patch(self, call: Call, owner: str, key: str) -> Answer:
        body, content = read_object(call.body, is_whole=False)
        _hold_ids(call, body)
        current = await self._current(call, key)
        merged = _merged(current, call.body)
        if is_older(call.body, current):
            change = functools.partial(_merged, patch=call.body)
            return await self._store_late(call, owner, key, content, merged, change)
        # Sent again because its answer was lost: it must not append twice. Having been seen is not enough: a PUT in
        # between may have taken back what it changed.
        if has_appended(current, call.body) and self._has_seen(call, key, content):
            return Answer()
        return await self._store_merged(call, owner, key, content, current, merged)

    async def _put_child(self, call: Call, owner: str, key: str, location: bytes) -> Answer:
        """PUT or PATCH an EVSE or connector: the whole location is kept as it now is."""
        body, content = read_object(call.body, is_whole=call.method != "PATCH")
        identifiers = call.rest[_OWNED_DEPTH:]
        id_name = _LEVELS[len(identifiers) - 1][1]
        _hold_id(call, body, id_name, identifiers[-1])
        # The same connector body may come for two EVSEs: what makes a message is content and place.
        content = f"{content[:32]}{digest_of('/'.join(identifiers).upper())}"
        merged = _with_descendant(call, location)
        current = _descended(location, identifiers)
        # Held against what is in its place, not against the location: that is as new as the newest of its parts.
        if current is not None and is_older(call.body, current):
            change = functools.partial(_with_descendant, call)
            return await self._store_late(call, owner, key, content, merged, change)
        return await self._store_merged(call, owner, key, content, location, merged)

    async def _store_merged(
        self, call: Call, owner: str, key: str, content: str, current: bytes, merged: bytes
    ) -> Answer:
        """Keep what an object became, unless the same message came before and would change nothing now."""
        body, after = read_object(merged)
        problem = _problem(call, body, owner)
        changes_nothing = problem is not None or after == canonical_of(current)
        if not (changes_nothing and self._has_seen(call, key, content)):
            sent = one_line(call.body)
            await self._keep(call, owner, key, content, one_line(merged), sent=sent, is_evidence=problem is not None)
        return Answer(None, INVALID, problem) if problem else Answer()

    async def _store_late(
        self, call: Call, owner: str, key: str, content: str, merged: bytes, change: Callable[[bytes], bytes]
    ) -> Answer:
        """Keep a message that newer ones overtook, as evidence of what the object was when it was written.

        The record is what the message made of the object as it then was, never of the object as it now is: nobody said
        that the newer fields held before. Where it is not known what it then was, the receipt alone has the message.
        """
        if not self._has_seen(call, key, content):
            record, state = NOTHING, await self._state_then(call, owner, key)
            if state is not None:
                with contextlib.suppress(Refusal):  # the part that the message is about was not there yet
                    record = one_line(change(state))
            await self._keep(call, owner, key, content, record, sent=one_line(call.body), is_evidence=True)
        problem = _problem(call, read_object(merged)[0], owner)
        return Answer(None, INVALID, problem) if problem else Answer()

    async def _state_then(self, call: Call, owner: str, key: str) -> bytes | None:
        """Give what an object was at the time of a message: as pushed within the last hour, else as intake knows it."""
        at = updated_at(call.body)
        if at is None:
            return None
        pushed = self.index.former(call.connection.connection_id, call.module, key)
        readable = [each for each in pushed if _problem(call, read_object(each)[0], owner) is None]
        found = state_at(readable, at)
        return found if found is not None else state_at(await self._versions(call, key), at)

    async def _delete(self, call: Call, owner: str, key: str) -> Answer:
        known = self._known(call, key)
        if known is None:
            if await self._pulled(call, key) is None:
                return _unknown()
        elif known.body is None:
            return Answer()
        await self._keep(call, owner, key, digest_of(f"DELETE {call.received_at.isoformat()}"), NOTHING)
        return Answer()

    async def _current(self, call: Call, key: str) -> bytes:
        """Give an object as it is now: as pushed, else as pulled; 404 where it is neither."""
        known = self._known(call, key)
        found = known.body if known else await self._pulled(call, key)
        if found is None:
            raise Refusal(404, INVALID, f"unknown object in {call.module}: PUT the whole of it first")
        return found

    async def _pulled(self, call: Call, key: str) -> bytes | None:
        return await asyncio.to_thread(self.pulled.newest, call.connection.connection_id, call.module, key)

    async def _versions(self, call: Call, key: str) -> list[bytes]:
        return await asyncio.to_thread(self.pulled.versions, call.connection.connection_id, call.module, key)

    async def _first_cdr(self, call: Call, key: str) -> FirstCdr | None:
        """Give the body of a CDR that came first: as pushed, else as pulled or dropped; None where there is none."""
        known = self._known(call, key)
        if known is not None and known.body is not None:
            return FirstCdr(known.body, known.ocpi_version)
        return await asyncio.to_thread(self.pulled.first_cdr, key)

    def _known(self, call: Call, key: str) -> Known | None:
        return self.index.known(call.connection.connection_id, call.module, key)

    def _has_seen(self, call: Call, key: str, content: str) -> bool:
        return self.index.has_seen(call.connection.connection_id, call.module, key, content)

    def _lock(self, call: Call, key: str) -> asyncio.Lock:
        place = (call.connection.connection_id, call.module, key)
        lock = self._locks.get(place) or asyncio.Lock()
        self._locks[place] = lock
        return lock

    async def _keep(
        self,
        call: Call,
        owner: str,
        key: str,
        content: str,
        record: msgspec.Raw,
        *,
        sent: msgspec.Raw = NOTHING,
        is_evidence: bool = False,
    ) -> None:
        await self.spool.append(
            Entry(
                sequence=self.spool.next_sequence(),
                received_at=call.received_at,
                connection_id=call.connection.connection_id,
                module=call.module,
                ocpi_version=call.version,
                owner_id=_owner_in_manifest(call, owner),
                method=call.method,
                path=call.path,
                key=key,
                sha256=content,
                request_id=header(call.headers, "x-request-id"),
                correlation_id=header(call.headers, "x-correlation-id"),
                record=record,
                sent=sent,
                is_evidence=is_evidence,
            )
        )


def _problem(call: Call, body: Mapping[str, object], owner: str) -> str | None:
    """Say what intake will find wrong with a record; it is kept all the same, and its peer knows at once."""
    if call.module not in READERS:
        return None
    context = PageContext(0, "", call.received_at, call.version, _owner_in_manifest(call, owner))
    try:
        READERS[call.module](alpha2_by_alpha3()).take(body, context)
    except RecordProblem as problem:
        return problem.message
    return None


def _tells_again(call: Call, body: Mapping[str, object], owner: str, first: FirstCdr) -> bool:
    """Tell whether a CDR only says in another version of OCPI what its first body said: intake finds the same."""
    if call.version == first.ocpi_version:
        return False
    try:
        before = parse_cdr(read_object(first.body)[0], first.ocpi_version, owner_id=owner)
        return is_retold(before, first.ocpi_version, parse_cdr(body, call.version, owner_id=owner), call.version)
    except RecordProblem:
        return False


def _owner_in_manifest(call: Call, owner: str) -> str | None:
    """Give whose the records of a page are that do not say so: only those of 2.1.1 need not."""
    return owner if call.version == "2.1.1" else None


def _owner_of_body(call: Call, body: Mapping[str, object]) -> str:
    country, party = body.get("country_code"), body.get("party_id")
    if isinstance(country, str) and isinstance(party, str):
        return _owned(call, f"{country}*{party}")
    if call.version == "2.1.1" and len(call.connection.parties) == 1:
        return call.connection.parties[0].upper()
    raise Refusal(200, INVALID, "expected country_code and party_id")


def _owned(call: Call, party: str) -> str:
    """Hold a party against those of the connection: nobody may push what is another's."""
    if party.upper() not in {each.upper() for each in call.connection.parties}:
        raise Refusal(403, INVALID, f"{party} is no party of this connection")
    return party.upper()


def _hold_ids(call: Call, body: Mapping[str, object]) -> None:
    """Hold the ids of a body against those of the path; a body need not repeat them (2.1.1, PATCH)."""
    for name, said in zip(("country_code", "party_id", "id"), call.rest, strict=False):
        _hold_id(call, body, name, said)


def _hold_id(call: Call, body: Mapping[str, object], name: str, said: str) -> None:
    found = body.get(name)
    if found is None and name in body and call.method == "PATCH":  # an object without it would be nobody's
        raise Refusal(200, INVALID, f"{name}: a PATCH cannot take it away")
    if found is not None and str(found).upper() != said.upper():
        raise Refusal(200, INVALID, f"{name} of the body is not that of the path")


def _id_of(body: Mapping[str, object]) -> str:
    found = body.get("id")
    if not isinstance(found, str) or not found.strip():
        raise Refusal(200, INVALID, "id: expected a text")
    return found


def _merged(current: bytes, patch: bytes) -> bytes:
    if updated_at(patch) is None:
        raise Refusal(200, INVALID, "last_updated: expected a date and time in every PATCH")
    try:
        return patched(current, patch)
    except RecordProblem as problem:
        raise Refusal(200, INVALID, problem.message) from None


def _descended(location: bytes, identifiers: tuple[str, ...]) -> bytes | None:
    found: bytes | None = location
    for (list_name, id_name), identifier in zip(_LEVELS, identifiers, strict=False):
        found = child_of(found, list_name, id_name, identifier) if found is not None else None
    return found


def _with_descendant(call: Call, location: bytes) -> bytes:
    """Give a location after the PUT or PATCH of an EVSE or connector of it."""
    identifiers = call.rest[_OWNED_DEPTH:]
    if call.method == "PUT":
        return _replaced(location, identifiers, call.body)
    if call.method != "PATCH":
        raise _no_method(call)
    current = _descended(location, identifiers)
    if current is None:
        raise Refusal(404, INVALID, "unknown object")
    return _replaced(location, identifiers, _merged(current, call.body))


def _replaced(location: bytes, identifiers: tuple[str, ...], child: bytes) -> bytes:
    """Put an EVSE into its location, or a connector into its EVSE and that into its location."""
    evse_uid, *connector = identifiers
    if connector:
        evse = child_of(location, *_LEVELS[0], evse_uid)
        if evse is None:
            raise Refusal(404, INVALID, "unknown EVSE: PUT the whole of it first")
        child = with_child(evse, *_LEVELS[1], connector[0], child)
    return with_child(location, *_LEVELS[0], evse_uid, child)


def _with_owner(call: Call) -> Call:
    if len(call.rest) != 1:
        return call
    if len(call.connection.parties) != 1:
        raise Refusal(404, INVALID, "expected country_code and party_id before the id")
    country, party = call.connection.parties[0].split("*")
    return replace(call, rest=(country, party, *call.rest))


def _shown(body: bytes | None) -> Answer:
    return Answer(msgspec.Raw(body)) if body is not None else _unknown()


def _unknown() -> Answer:
    return Answer(None, INVALID, "unknown object", 404)


def _expect(call: Call, method: str, depth: int) -> None:
    if call.method != method:
        raise _no_method(call)
    _expect_depth(call, depth)


def _expect_depth(call: Call, depth: int) -> None:
    if len(call.rest) != depth or not all(call.rest):
        raise Refusal(404, CLIENT_ERROR, f"no such place in {call.module}")


def _no_method(call: Call) -> Refusal:
    return Refusal(405, CLIENT_ERROR, f"{call.module} has no {call.method} here")
