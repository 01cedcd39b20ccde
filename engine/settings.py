"""What an operator sets: environment variables with the prefix PARCOURS_, read once at start."""

import re
from email.utils import parseaddr
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from engine.core import errors
from engine.core.lanes import Limit
from engine.core.retention import Terms

_DOMAIN = re.compile(r"(?=.{1,200}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}")
_FROM_FILE = ("secret_key", "suppression_key")


class Settings(BaseSettings):
    """Every setting with its meaning; `deploy/env.example` lists them all."""

    model_config = SettingsConfigDict(
        env_prefix="PARCOURS_", env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: str = Field("sqlite:///parcours.db", description="sqlite:///FILE or postgresql://…")
    base_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:8000"), description="The public address; links in mails begin with it"
    )
    smtp_url: SecretStr = Field(
        SecretStr("smtp://127.0.0.1:25?starttls=never"),
        description="smtp://user:password@host:587?starttls=required (or smtps://host:465)",
    )
    smtp_connections: Annotated[int, Field(ge=1, le=200)] = Field(
        20, description="Connections open at once to the relay"
    )
    smtp_messages_per_connection: Annotated[int, Field(ge=1)] = Field(
        100, description="Mails on one connection before it is renewed"
    )
    lanes: Annotated[dict[str, Limit], NoDecode] = Field(
        {},
        description="What a provider gets at once, over all machines: orange=5@300 (mails a minute), sfr=5",
    )
    secret_key: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Signs links. Several, separated by commas: the first signs, all verify"
    )
    suppression_key: SecretStr | None = Field(
        None, description="Makes the fingerprints of addresses that must not be mailed. Never change it"
    )
    secret_key_file: Path | None = Field(None, description="A file that holds PARCOURS_SECRET_KEY")
    suppression_key_file: Path | None = Field(None, description="A file that holds PARCOURS_SUPPRESSION_KEY")
    from_: str = Field(
        "Parcours <parcours@localhost>", validation_alias="PARCOURS_FROM", description="Sender of all mails"
    )
    tutor: str = Field("", description="Who signs the lessons and receives the answers: Name <address>")
    controller: str = Field(
        "", description="Name and postal address of the data controller, lines separated by commas"
    )
    dkim_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Signs mails for the domain of PARCOURS_FROM: SELECTOR:FILE, separated by commas"
    )
    return_domain: str = Field(
        "", description="Takes the reports of failures: each mail returns to an address of its own there"
    )
    lmtp: str = Field(
        "",
        description="Address and port that `serve` takes reports on, from your mail server: 127.0.0.1:8024",
    )
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="Networks whose X-Forwarded-For is believed, separated by commas"
    )
    in_doubt: Literal["send", "hold"] = Field(
        "send", description="A mail cut off after its last dot: send it again, same Message-ID, or hold it"
    )
    keep_unconfirmed_days: Annotated[int, Field(ge=1)] = Field(
        7, description="Days after which who never confirmed is erased"
    )
    keep_inactive_days: Annotated[int, Field(ge=1)] = Field(
        1095, description="Days after the last act of a person, no lesson being under way, until erased"
    )
    keep_logs_days: Annotated[int, Field(ge=1)] = Field(
        365, description="Days for which history, audit and sessions of the studio are kept"
    )
    webhook_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (),
        description="Private networks that webhooks may call too, separated by commas; http:// will do there",
    )
    host: str = Field("127.0.0.1", description="Address that the web server listens on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8000, description="Port that it listens on")
    log_format: Literal["console", "json"] = Field("console", description="How the log is written")

    @field_validator("secret_key", "dkim_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        return _listed(value) if isinstance(value, str) else value

    @field_validator("trusted_proxies", "webhook_networks", mode="before")
    @classmethod
    def _split_networks(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(ip_network(part, strict=False) for part in _listed(value))
        return value

    @field_validator("dkim_keys")
    @classmethod
    def _named_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = [each.partition(":")[0] for each in value]
        if not all(each.partition(":")[2] for each in value) or len(set(names)) < len(names):
            raise ValueError("write it as SELECTOR:FILE, separated by commas, each selector once")
        return value

    @field_validator("from_")
    @classmethod
    def _sender(cls, value: str) -> str:
        if "@" not in parseaddr(value)[1]:
            raise ValueError("write it as: Name <address@domain>")
        return value

    @field_validator("return_domain")
    @classmethod
    def _domain(cls, value: str) -> str:
        if value and not _DOMAIN.fullmatch(value):
            raise ValueError("write it as a domain in ASCII: bounces.example.org")
        return value.lower()

    @field_validator("lmtp")
    @classmethod
    def _socket(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value and not (host and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError("write it as ADDRESS:PORT, as in 127.0.0.1:8024")
        return value

    @model_validator(mode="before")
    @classmethod
    def _secrets_from_files(cls, values: dict[str, object]) -> dict[str, object]:
        for name in _FROM_FILE:
            path = values.get(f"{name}_file")
            if path and not values.get(name):
                values[name] = Path(str(path)).read_text().strip()
        return values

    @cached_property
    def url(self) -> str:
        """The public address without its last slash."""
        return str(self.base_url).rstrip("/")

    @cached_property
    def terms(self) -> Terms:
        return Terms(self.keep_unconfirmed_days, self.keep_inactive_days, self.keep_logs_days)

    @cached_property
    def mail_host(self) -> str:
        """The domain of the sender: Message-IDs end with it."""
        return parseaddr(self.from_)[1].rpartition("@")[2]


def load(**values: object) -> Settings:
    """Settings from the environment; `values` win over it. Raises `errors.Invalid` naming each wrong one."""
    try:
        return Settings(**values)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        problems = {_variable(found["loc"]): found["msg"] for found in error.errors(include_input=False)}
    except OSError as error:
        problems = {str(error.filename): f"cannot be read ({error.strerror})"}
    raise errors.Invalid({name: f"{name}: {text}." for name, text in problems.items()})


def as_far_as_right(**values: object) -> tuple[Settings, tuple[str, ...]]:
    """The settings with its default in the place of each that is wrong, and what is wrong."""
    try:
        return load(**values), ()
    except errors.Invalid as error:
        wrong = error.problems
    found = {name: field for name, field in Settings.model_fields.items() if variable(name) in wrong}
    given = {str(field.validation_alias or name): field.default for name, field in found.items()}
    if not given:  # a file that cannot be read, which is told by its own name
        given = {f"{name}_file": None for name in _FROM_FILE}
    right, more = as_far_as_right(**(values | given))
    return right, (*wrong.values(), *more)


def _listed(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def variable(field: str) -> str:
    """The environment variable of a field."""
    return "PARCOURS_FROM" if field == "from_" else f"PARCOURS_{field.upper()}"


def _variable(location: tuple[str | int, ...]) -> str:
    name = str(location[0]) if location else "settings"
    return name if name.startswith("PARCOURS_") else variable(name)
