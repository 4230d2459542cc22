"""Secrets and settings for docker-compose.yml: one env file a container, under .local/docker.

Drawn once, like those of any local copy; the compose file itself holds no secret.
"""

from pathlib import Path

from opside_chassis.migration import role_url
from opside_local import environment
from opside_local.environment import Place, Servers, Urls
from opside_local.folders import StateFolder, write_private
from opside_local.ports import SETTINGS, Ports
from opside_local.secrets import SCHEMAS, SecretsFile

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 (inside a container; published on 127.0.0.1 only)
KEPT = Path("/var/lib/opside")
"""The only folder a container may write."""
POSTGRES_PORT, REDIS_PORT = 5432, 6379


def write(folder: StateFolder) -> list[Path]:
    """Write every env file anew from the kept secrets. Answers what was written."""
    StateFolder.made(folder.path)
    place = _place(SecretsFile(folder.file("secrets.json")))
    files = {"postgres": _postgres(place), "sandbox": _sandbox(place)}
    for service in SCHEMAS:
        files[service] = {**environment.service(place, service), "HOST": ANY_ADDRESS}
        files[f"{service}-migrate"] = _migrate(place, service)
    written = []
    for name, settings in files.items():
        path = folder.file(f"{name}.env")
        # Compose reads `$` in an env file as a variable; none of our values has one.
        write_private(path, "".join(f"{key}={value}\n" for key, value in sorted(settings.items())))
        written.append(path)
    return written


def _place(kept: SecretsFile) -> Place:
    defaults = {name: default for name, (_, default) in SETTINGS.items()}
    ports = Ports(**defaults, postgres=POSTGRES_PORT, redis=REDIS_PORT)
    bare = f"postgresql://postgres@postgres:{POSTGRES_PORT}/opside"
    admin = role_url(bare, role="postgres", password=kept.secrets.database_admin_password)
    return Place(
        archive=KEPT / "archive",
        sandbox_state=KEPT / "sandbox.sqlite",
        ports=ports,
        urls=Urls(
            main_api=f"http://main-api:{ports.main_api}",
            integrations=f"http://integrations-backend:{ports.integrations}",
            payments=f"http://stripe-payments:{ports.payments}",
            stripe=f"http://sandbox:{ports.stripe}",
            amazon=f"http://sandbox:{ports.amazon}",
            gmail=f"http://sandbox:{ports.gmail}",
            control=f"http://sandbox:{ports.control}",
        ),
        public=Urls.local(ports),
        servers=Servers(admin, f"redis://redis:{REDIS_PORT}/0"),
        secrets=kept.secrets,
    )


def _postgres(place: Place) -> dict[str, str]:
    return {
        "POSTGRES_USER": "postgres",
        "POSTGRES_DB": "opside",
        "POSTGRES_PASSWORD": place.secrets.database_admin_password,
    }


def _sandbox(place: Place) -> dict[str, str]:
    return {**environment.sandbox(place), "SANDBOX_HOST": ANY_ADDRESS}


def _migrate(place: Place, service: str) -> dict[str, str]:
    schema = SCHEMAS[service]
    passwords = place.secrets.database[schema]
    return {
        **environment.migration(place, service),
        "DATABASE_ADMIN_URL": place.servers.admin_database_url,
        "SCHEMA": schema,
        "OWNER_PASSWORD": passwords.owner,
        "APP_PASSWORD": passwords.app,
    }
