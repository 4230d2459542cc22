"""What the environment says about a run of the sandboxes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class WrongSetting(Exception):
    """A setting cannot be used; the text is one line naming it and the mend."""

    def __init__(self, setting: str, problem: str, mend: str) -> None:
        super().__init__(f"{setting}: {problem}; mend: {mend}")


@dataclass(frozen=True, slots=True)
class AmazonApp:
    """One registered Login with Amazon application."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    application_id: str = ""


@dataclass(frozen=True, slots=True)
class AmazonPace:
    """How Amazon behaves: times in seconds of the sandbox's clock.

    `rate_factor` multiplies the rate and the burst of every usage plan; 1.0 is Amazon's own.
    `reports_folder` holds a user's own report files, served for the persona `reports`.
    `crowd` is how many small sellers there are besides, `crowd-0` and so on.
    """

    rate_factor: float = 1.0
    report_seconds: float = 1.0
    decision_seconds: float = 2.0
    reports_folder: Path | None = None
    crowd: int = 0


@dataclass(frozen=True, slots=True)
class GmailApp:
    """The registered Google application and what Google allows it.

    `testing`: the consent screen's publishing status is "Testing", so that a refresh token dies
    after seven days. `units_per_minute`: quota units of one user (6000 for projects made since
    May 2026, 15000 before).
    """

    client_id: str = "sandbox-gmail.apps.googleusercontent.com"
    client_secret: str = field(default="sandbox-gmail-secret", repr=False)
    redirect_uris: tuple[str, ...] = ("http://127.0.0.1:8000/api/gmail/callback",)
    testing: bool = False
    units_per_minute: float = 6000.0


@dataclass(frozen=True, slots=True)
class StripeConnectApp:
    """The platform as Connect OAuth knows it; its secret is any of the platform's test keys."""

    client_id: str = "ca_sandboxPlatform0123456789"
    redirect_uris: tuple[str, ...] = ("http://127.0.0.1:8000/api/stripe/callback",)


@dataclass(frozen=True, slots=True)
class Settings:
    """Ports 0 mean any free port. `state_path` None keeps everything in memory.

    `webhook_retry_scale` shortens Stripe's waits between deliveries. `webhook_url` with its
    secrets makes endpoints whose secrets are known before the start, as `stripe listen` does.
    """

    state_path: Path | None
    seed: str
    host: str
    stripe_port: int
    amazon_port: int
    gmail_port: int
    control_port: int
    control_on: bool
    webhook_retry_scale: float
    webhook_url: str
    webhook_secret: str = field(repr=False)
    webhook_connect_secret: str = field(repr=False)
    amazon_login: AmazonApp
    amazon_seller: AmazonApp
    amazon_pace: AmazonPace = AmazonPace()
    gmail_app: GmailApp = GmailApp()
    stripe_connect: StripeConnectApp = StripeConnectApp()
    record: Path | None = None
    """A folder for the recording of every API exchange; None records nothing."""


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises WrongSetting."""
    env = os.environ if environment is None else environment
    return Settings(
        state_path=_state_path(env.get("SANDBOX_STATE", "")),
        seed=env.get("SANDBOX_SEED", "opside"),
        host=env.get("SANDBOX_HOST", "127.0.0.1"),
        stripe_port=_port(env, "SANDBOX_STRIPE_PORT", 12111),
        amazon_port=_port(env, "SANDBOX_AMAZON_PORT", 12112),
        gmail_port=_port(env, "SANDBOX_GMAIL_PORT", 12113),
        control_port=_port(env, "SANDBOX_CONTROL_PORT", 12119),
        control_on=_switch(env, "SANDBOX_CONTROL"),
        webhook_retry_scale=_positive(env, "SANDBOX_WEBHOOK_RETRY_SCALE", 1.0),
        webhook_url=env.get("SANDBOX_WEBHOOK_URL", ""),
        webhook_secret=env.get("SANDBOX_WEBHOOK_SECRET", ""),
        webhook_connect_secret=env.get("SANDBOX_WEBHOOK_CONNECT_SECRET", ""),
        amazon_login=_app(env, "SANDBOX_AMAZON_LOGIN_", "login", "/api/auth/amazon/callback"),
        amazon_seller=_app(env, "SANDBOX_AMAZON_", "seller", "/api/amazon/callback"),
        amazon_pace=_amazon_pace(env),
        gmail_app=_gmail_app(env),
        stripe_connect=_stripe_connect(env),
        record=_record_folder(env.get("SANDBOX_RECORD", "")),
    )


def _stripe_connect(env: Mapping[str, str]) -> StripeConnectApp:
    usual = StripeConnectApp()
    return StripeConnectApp(
        client_id=env.get("SANDBOX_STRIPE_CLIENT_ID", usual.client_id),
        redirect_uris=_uris(env.get("SANDBOX_STRIPE_REDIRECT_URIS", usual.redirect_uris[0])),
    )


def _gmail_app(env: Mapping[str, str]) -> GmailApp:
    usual, status = GmailApp(), env.get("SANDBOX_GMAIL_PUBLISHING") or "production"
    if status not in {"production", "testing"}:
        raise WrongSetting(
            "SANDBOX_GMAIL_PUBLISHING", f"{status!r} is no status", "set production or testing"
        )
    return GmailApp(
        client_id=env.get("SANDBOX_GMAIL_CLIENT_ID", usual.client_id),
        client_secret=env.get("SANDBOX_GMAIL_CLIENT_SECRET", usual.client_secret),
        redirect_uris=_uris(env.get("SANDBOX_GMAIL_REDIRECT_URIS", usual.redirect_uris[0])),
        testing=status == "testing",
        units_per_minute=_positive(env, "SANDBOX_GMAIL_UNITS_PER_MINUTE", usual.units_per_minute),
    )


def _uris(text: str) -> tuple[str, ...]:
    return tuple(uri.strip() for uri in text.split(",") if uri.strip())


def _amazon_pace(env: Mapping[str, str]) -> AmazonPace:
    folder = env.get("SANDBOX_AMAZON_REPORTS", "")
    path = Path(folder).expanduser() if folder else None
    if path is not None and not path.is_dir():
        raise WrongSetting(
            "SANDBOX_AMAZON_REPORTS", f"{path} is not a folder", "name a folder of report files"
        )
    return AmazonPace(
        rate_factor=_positive(env, "SANDBOX_AMAZON_RATE_FACTOR", 1.0),
        report_seconds=_positive(env, "SANDBOX_AMAZON_REPORT_SECONDS", 1.0),
        decision_seconds=_positive(env, "SANDBOX_AMAZON_DECISION_SECONDS", 2.0),
        reports_folder=path,
        crowd=_count(env, "SANDBOX_AMAZON_CROWD"),
    )


def _app(env: Mapping[str, str], prefix: str, name: str, path: str) -> AmazonApp:
    uris = env.get(f"{prefix}REDIRECT_URIS", f"http://127.0.0.1:8000{path}")
    return AmazonApp(
        client_id=env.get(f"{prefix}CLIENT_ID", f"amzn1.application-oa2-client.sandbox-{name}"),
        client_secret=env.get(f"{prefix}CLIENT_SECRET", f"sandbox-{name}-secret"),
        redirect_uris=_uris(uris),
        application_id=env.get(f"{prefix}APPLICATION_ID", f"amzn1.sp.solution.sandbox-{name}"),
    )


def _state_path(text: str) -> Path | None:
    """A folder gets the file `sandbox.sqlite`; anything else is the file itself."""
    if not text:
        return None
    path = Path(text).expanduser()
    if path.is_dir() or not path.suffix:
        path = path / "sandbox.sqlite"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
    except OSError as error:
        raise WrongSetting(
            "SANDBOX_STATE", f"cannot write {path} ({error.strerror})", "name a writable folder"
        ) from None
    return path


def _record_folder(text: str) -> Path | None:
    if not text:
        return None
    folder = Path(text).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongSetting(
            "SANDBOX_RECORD", f"cannot make {folder} ({error.strerror})", "name a writable folder"
        ) from None
    return folder


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdigit() or int(text) > 65535:
        raise WrongSetting(name, f"{text!r} is not a port", "give a number from 0 to 65535")
    return int(text)


def _switch(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name) or "off"
    if text not in {"on", "off"}:
        raise WrongSetting(name, f"{text!r} is neither on nor off", "set it to on or off")
    return text == "on"


def _count(env: Mapping[str, str], name: str) -> int:
    text = env.get(name) or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise WrongSetting(name, f"{text!r} is no count", "give a whole number such as 200")
    return int(text)


def _positive(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if value <= 0:
        raise WrongSetting(name, f"{text!r} is not above zero", "give a number such as 0.001")
    return value
