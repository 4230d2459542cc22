"""Typed settings of a service; a wrong one stops the start with one line on standard error."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NoReturn, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

EXIT_WRONG_CONFIGURATION = 78
"""EX_CONFIG of sysexits.h."""


class WrongSetting(Exception):
    """A setting that cannot be started with: its name, what is wrong, and how to mend it."""

    def __init__(self, setting: str, problem: str, mend: str) -> None:
        super().__init__(f"{setting}: {problem}; mend: {mend}")
        self.setting = setting
        self.problem = problem
        self.mend = mend


def refuse_start(wrong: WrongSetting) -> NoReturn:
    """Say in one line on standard error what is wrong, and leave with status 78."""
    sys.stderr.write(f"{wrong}\n")
    raise SystemExit(EXIT_WRONG_CONFIGURATION)


def is_local_url(url: str) -> bool:
    """True for an address that only a sandbox or a test has: loopback, or plain http."""
    parts = urlsplit(url)
    return parts.scheme == "http" or parts.hostname in {"localhost", "127.0.0.1", "::1"}


def _base_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise ValueError("must be an http(s) address without credentials")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]
"""An http(s) address without a trailing slash."""


class PublicKeyEntry(BaseModel):
    """One public key of SERVICE_PUBLIC_KEYS."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kid: str = Field(min_length=1)
    issuer: str = Field(min_length=1)
    public_key: str = Field(min_length=1)
    """base64url of the raw 32 bytes."""


class ServiceSettings(BaseSettings):
    """What every service reads. Each service adds its own in its `settings.py`."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    REREAD: ClassVar[frozenset[str]] = frozenset(
        {"service_key_id", "service_private_key", "service_public_keys"}
    )
    """What may stand in KEYS_FILE, and change while the process runs."""

    environment: Literal["development", "test", "production"] = "development"
    host: str = "127.0.0.1"
    port: int = Field(ge=1, le=65_535)
    database_url: str = Field(pattern=r"^postgres(ql)?(\+asyncpg)?://")
    """The application role; migrations run as another role that owns the tables."""
    redis_url: str = Field(pattern=r"^rediss?://")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    sentry_dsn: str = ""
    rate_limit_max_requests: int = Field(default=100, ge=1)
    """Per minute, per user and per address."""
    cors_allowed_origins: tuple[BaseUrl, ...] = ()
    trusted_proxy_hops: int = Field(default=0, ge=0, le=8)
    """How many proxies of ours stand in front; the client address is counted from the right."""
    otel_exporter_otlp_endpoint: str = ""
    metrics_port: int = Field(default=0, ge=0, le=65_535)
    """Where Prometheus reads this process's metrics (`/metrics`, on HOST); 0: nowhere. A service's app
    and its worker are two processes, each with a port of its own."""
    service_key_id: str = Field(min_length=1)
    service_private_key: SecretStr
    """base64url of the raw 32-byte Ed25519 seed."""
    service_public_keys: tuple[PublicKeyEntry, ...]
    keys_file: str = ""
    """A JSON file of the keys among these settings, which wins over the environment and is read again
    when it is replaced (`key_file.py`). Empty: keys change with a restart."""
    main_api_url: BaseUrl = "http://127.0.0.1:8000"
    integrations_url: BaseUrl = "http://127.0.0.1:3000"
    payments_url: BaseUrl = "http://127.0.0.1:4000"

    @property
    def in_production(self) -> bool:
        """True when sandboxes, defaults and unencrypted connections are refused."""
        return self.environment == "production"

    def check(self) -> None:
        """Refuse combinations that no single field can see; services extend it.

        Raises:
            WrongSetting: naming the setting and the mend.
        """
        if self.in_production and "sslmode=" not in self.database_url:
            raise WrongSetting(
                "DATABASE_URL",
                "does not ask for an encrypted connection",
                "add ?sslmode=verify-full (or require)",
            )


Settings = TypeVar("Settings", bound=ServiceSettings)


def read(cls: type[Settings], **values: Any) -> Settings:  # noqa: ANN401 - any setting's value
    """The settings from the environment, `values` first, then those of the file that KEYS_FILE names.

    Raises:
        WrongSetting: the first one that cannot be started with.
    """
    keys_file = values.get("keys_file", os.environ.get("KEYS_FILE", ""))
    if keys_file:
        values = settings_in_file(cls, keys_file) | values
    return _checked(cls, values)


def with_changes(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """The same settings but for some, checked as at the start; raises `WrongSetting`."""
    return _checked(type(settings), {**dict(settings), **changes})


def settings_in_file(cls: type[Settings], path: str) -> dict[str, Any]:
    """What KEYS_FILE holds; raises `WrongSetting` when it cannot be read or holds what is never re-read."""
    try:
        held = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise WrongSetting("KEYS_FILE", problem, "name a file that this user may read") from None
    except ValueError:
        raise WrongSetting("KEYS_FILE", "is not valid JSON", "write it anew") from None
    if not isinstance(held, dict):
        raise WrongSetting(
            "KEYS_FILE", "is no JSON object", "write the settings as names and values"
        )
    values = {name.lower(): value for name, value in held.items()}
    other = sorted(values.keys() - cls.REREAD)
    if other:
        raise WrongSetting(
            "KEYS_FILE",
            f"names {other[0].upper()}",
            "set it in the environment; only keys are re-read",
        )
    return values


def _checked(cls: type[Settings], values: Mapping[str, Any]) -> Settings:
    try:
        settings = cls(**values)
    except ValidationError as error:
        raise _first_problem(error) from None
    except SettingsError as error:
        field = str(error).split('"')[1] if '"' in str(error) else "environment"
        raise WrongSetting(field.upper(), "is not valid JSON", "see .env.example") from None
    settings.check()
    return settings


def load(cls: type[Settings]) -> Settings:
    """The settings from the environment, or one line on standard error and exit status 78."""
    try:
        return read(cls)
    except WrongSetting as wrong:
        refuse_start(wrong)


def _first_problem(error: ValidationError) -> WrongSetting:
    first = error.errors(include_input=False, include_url=False)[0]
    setting = ".".join(str(part) for part in first["loc"]).upper() or "environment"
    if first["type"] == "missing":
        return WrongSetting(setting, "is not set", "set it; .env.example shows the form")
    message = first["msg"].removeprefix("Value error, ")
    return WrongSetting(setting, message[:1].lower() + message[1:], "correct it; see .env.example")
