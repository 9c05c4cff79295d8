"""The one settings object: `roamledger.toml`, then `ROAMLEDGER_*` environment variables, which win.

Secrets never stand in the file: a connection names the environment variable that holds its token.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from pipelines.lib.errors import UserError

HEADER_TOKEN: Final = r"\A[!-~]+\Z"
"""A token stands in a header: printable ASCII without white space (OCPI 2.2.1, 7.3.1), and no line break at its end,
which `$` would let through."""
Role = Literal["CPO", "EMSP", "HUB", "NAP", "NSP", "OTHER", "PTP", "SCSP"]
"""roles of a party in OCPI 2.2.1 and 2.3.0"""
OcpiVersion = Literal["2.1.1", "2.2.1", "2.3.0"]
TokenEncoding = Literal["base64", "raw", "auto"]
"""base64 from OCPI 2.2-d2 on, raw before and wherever that was overlooked"""

CHECKOUT = Path(__file__).resolve().parents[2]
"""Roamledger is an application run from its checkout: reference data, templates and the dbt project live there."""


def _without_user_info(url: str) -> str:
    """Refuse a URL with a password inside: it would reach the log of every proxy, and every message of ours."""
    try:
        parts = urlsplit(url)
        plain = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
    except ValueError:
        plain = False
    if not plain:
        msg = "is not an http(s) URL without user name and password: a token belongs into an environment variable"
        raise ValueError(msg)
    return url


PartyId = Annotated[str, Field(pattern=r"^[A-Z]{2}\*[A-Z0-9]{3}$")]
"""country code and party id, such as DE*LDW"""
Url = Annotated[str, AfterValidator(_without_user_info), Field(repr=False)]
"""kept out of reprs: some peers want a key in the query of their versions URL"""


class OwnParty(BaseModel):
    """The eMSP itself, as its peers shall see it: what a credentials handshake says about us."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    party: PartyId
    """country code and party id, such as DE*NST"""
    name: Annotated[str, Field(min_length=1, max_length=100)]
    website: str | None = None
    versions_url: Url
    """where peers reach our own versions, served by `roamledger serve`"""
    roles: tuple[Role, ...] = ("EMSP",)


class Connection(BaseModel):
    """An OCPI peer, as agreed with it. An unknown name is refused: a token written into the file, most of all."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    connection_id: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]
    kind: Literal["cpo", "hub", "platform"]
    """`platform` is the eMSP's own system: tokens and the custom module `authorizations`."""
    parties: tuple[str, ...] = ()
    """the parties reached through it, such as DE*LDW; a hub reaches several"""
    roles: tuple[Role, ...] = ()
    """what the peer is to us; by default what its kind says"""
    versions_url: Url
    token_env: str = ""
    """name of the environment variable that holds the token: the one agreed by hand, or token A of a handshake"""
    inbound_token_env: str = ""
    """name of the environment variable with the token under which the peer pushes to us, where agreed by hand"""
    token_encoding: TokenEncoding = "base64"
    """`auto` begins with base64 and tries raw where that is refused"""
    other_hosts: tuple[str, ...] = ()
    """further places of its endpoints, such as https://cdrs.example; its token is sent nowhere else"""
    routing_from: PartyId | None = None
    """through a hub: the party that we speak as, in OCPI-from-party-id and OCPI-from-country-code"""
    routing_to: PartyId | None = None
    """through a hub: whom we speak to; the hub itself, where lists of all its parties are asked for"""
    preferred_versions: tuple[OcpiVersion, ...] = ()
    """tried in this order before the highest common version"""
    forbidden_versions: tuple[OcpiVersion, ...] = ()
    """never spoken, though the peer offers them"""
    page_limit: Annotated[int, Field(ge=1, le=1000)] = 200
    requests_per_second: Annotated[float, Field(gt=0)] | None = None
    """the most that we ask of it; None: as fast as it answers"""
    trust_total_count: bool = True
    """false for a peer whose X-Total-Count is known to be wrong: its lists then end where its pages end"""
    overlap_seconds: Annotated[int, Field(ge=0)] = 3600
    """each pull looks this far behind its watermark, because peers stamp `last_updated` before they publish"""
    stale_after_hours: Annotated[int, Field(ge=1)] = 26
    """a module that gave nothing for longer is named: two hours more than a day, because pulls run daily"""
    timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    attempts: Annotated[int, Field(ge=1)] = 5

    @model_validator(mode="after")
    def _does_not_contradict_itself(self) -> Self:
        if (self.routing_from is None) != (self.routing_to is None):
            msg = f"connection {self.connection_id}: routing_from and routing_to go together, and one is missing"
            raise ValueError(msg)
        if both := sorted(set(self.preferred_versions) & set(self.forbidden_versions)):
            msg = f"connection {self.connection_id}: {', '.join(both)} is preferred and forbidden: decide for one"
            raise ValueError(msg)
        if self.roles and self.kind != "platform" and self.kind.upper() not in self.roles:
            msg = f"connection {self.connection_id}: kind {self.kind} needs {self.kind.upper()} among its roles"
            raise ValueError(msg)
        return self

    @property
    def speaks_for(self) -> tuple[str, ...]:
        """The parties whose objects it may bring; none: anybody's. Our own platform speaks of tokens, not for a CPO."""
        return () if self.kind == "platform" else tuple(sorted({party.upper() for party in self.parties}))

    def token(self) -> SecretStr:
        """Read the token from the environment; a missing one is a `UserError` that names the variable."""
        if not self.token_env:
            msg = (
                f"connection {self.connection_id} has no token: name its variable in token_env, "
                f"or run `roamledger connect register {self.connection_id}`"
            )
            raise UserError(msg)
        value = os.environ.get(self.token_env, "")
        if not value:
            msg = f"connection {self.connection_id}: environment variable {self.token_env} with its token is not set"
            raise UserError(msg)
        if not re.match(HEADER_TOKEN, value):
            msg = (
                f"connection {self.connection_id}: {self.token_env} holds what no token has, such as a space, a line "
                "break or a letter beyond ASCII: copy it again, or ask the peer for another"
            )
            raise UserError(msg)
        return SecretStr(value)


class Settings(BaseSettings):
    """Everything that can differ between two installations."""

    model_config = SettingsConfigDict(env_prefix="ROAMLEDGER_", env_nested_delimiter="__", extra="forbid")

    home: Path = CHECKOUT / "data"
    """holds every generated store, so two homes never meet"""
    lake_url: str | None = None
    """fsspec URL of the lake; default `<home>/lake`"""
    register_url: str | None = None
    """SQLAlchemy URL of the register; default SQLite in `<home>/register/register.sqlite`"""
    master_data: Path | None = None
    """folder of the eMSP's own books (CSV); default `<home>/master`"""
    now: datetime | None = None
    """a fixed clock, for reproducible runs; default: the machine's"""
    workers: Annotated[int, Field(ge=1)] = os.cpu_count() or 1
    own_party: OwnParty | None = None
    """the eMSP itself; needed for handshakes"""
    pull_workers: Annotated[int, Field(ge=1, le=64)] = 4
    """connections that are pulled at the same time"""
    connections: tuple[Connection, ...] = ()
    evidence_pdfs: bool = False
    """render the evidence packs of disputes whenever a month is worked through; else when somebody asks for them"""
    token_risk: dict[str, Decimal] = {}
    """thresholds of token risk that differ from the defaults, by name"""

    @field_validator("now")
    @classmethod
    def _has_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            msg = "needs a zone, such as 2026-11-05T06:00:00Z"
            raise ValueError(msg)
        return value

    @field_validator("connections")
    @classmethod
    def _are_distinct(cls, value: tuple[Connection, ...]) -> tuple[Connection, ...]:
        ids = [connection.connection_id for connection in value]
        for connection_id in ids:
            if ids.count(connection_id) > 1:
                msg = f"connection_id {connection_id} stands twice: their pages and watermarks would mix"
                raise ValueError(msg)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, then the file named by `ROAMLEDGER_CONFIG`."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())

    @property
    def lake(self) -> str:
        """The lake's fsspec URL."""
        return self.lake_url or str(self.home / "lake")

    @property
    def register(self) -> str:
        """The register's SQLAlchemy URL."""
        return self.register_url or f"sqlite:///{self.home / 'register' / 'register.sqlite'}"

    @property
    def master(self) -> Path:
        """The master data folder."""
        return self.master_data or self.home / "master"

    @property
    def warehouse(self) -> Path:
        """The folder of the DuckDB files."""
        return self.home / "warehouse"

    @property
    def documents(self) -> Path:
        """The folder of the rendered documents."""
        return self.home / "documents"

    def clock(self) -> datetime:
        """Give the present instant in UTC, or the fixed one."""
        return (self.now or datetime.now(UTC)).astimezone(UTC)

    def connection(self, connection_id: str) -> Connection:
        """Look a connection up; an unknown one is a `UserError` that lists the known ones."""
        for connection in self.connections:
            if connection.connection_id == connection_id:
                return connection
        known = ", ".join(c.connection_id for c in self.connections) or "none are declared"
        msg = f"connection {connection_id!r} is not declared in {config_file()} (known: {known})"
        raise UserError(msg)


def config_file() -> Path:
    """Give the settings file: `ROAMLEDGER_CONFIG`, else `roamledger.toml` in the home, else in the checkout."""
    if named := os.environ.get("ROAMLEDGER_CONFIG"):
        return Path(named)
    in_home = Path(os.environ.get("ROAMLEDGER_HOME", str(CHECKOUT / "data"))) / "roamledger.toml"
    return in_home if in_home.exists() else CHECKOUT / "roamledger.toml"


def load_settings() -> Settings:
    """Read the settings; a bad or missing one is a `UserError` that names it."""
    if "ROAMLEDGER_CONFIG" in os.environ and not config_file().is_file():
        msg = f"settings file {config_file()} (ROAMLEDGER_CONFIG) does not exist: create it or unset the variable"
        raise UserError(msg)
    try:
        return Settings()
    except (TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        msg = f"settings file {config_file()} cannot be read: {error}"
        raise UserError(msg) from None
    except SettingsError as error:
        msg = f"settings: {error}: write it as JSON, or declare it in {config_file()}"
        raise UserError(msg) from None
    except ValidationError as error:
        raise UserError(_complaint(error.errors()[0])) from None


def _complaint(error: ErrorDetails) -> str:
    """Say in one line which setting is wrong and why; an unknown one is told the name that it may have meant."""
    name = ".".join(str(part) for part in error["loc"])
    said = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        known = [*Settings.model_fields, *Connection.model_fields, *OwnParty.model_fields]
        meant = get_close_matches(str(error["loc"][-1]), known, n=1)
        said = f"is not known; did you mean {meant[0]}?" if meant else "is not known"
    return f"setting {name}: {said} (in {config_file()} or ROAMLEDGER_{name.upper()})"
