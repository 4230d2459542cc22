"""Postgres and Redis in containers, where a Docker engine answers."""

from collections.abc import Iterator
from contextlib import contextmanager

import docker
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

POSTGRES_IMAGE = "postgres:18"
REDIS_IMAGE = "redis:7"
PING_SECONDS = 2
_PASSWORD = "only-for-this-test-run"  # noqa: S105 - a throw-away container on loopback


def docker_answers() -> bool:
    """True when an engine can be talked to."""
    try:
        client = docker.from_env(timeout=PING_SECONDS)
        client.ping()
        client.close()
    except (DockerException, OSError):
        return False
    return True


@contextmanager
def postgres_container() -> Iterator[str]:
    """The administrator's address of a fresh Postgres."""
    container = (
        DockerContainer(POSTGRES_IMAGE)
        .with_env("POSTGRES_PASSWORD", _PASSWORD)
        .with_exposed_ports(5432)
        # The image starts twice: once to initialise, once to serve.
        .waiting_for(LogMessageWaitStrategy("ready to accept connections", times=2))
    )
    with container as running:
        address = f"{running.get_container_host_ip()}:{running.get_exposed_port(5432)}"
        yield f"postgresql://postgres:{_PASSWORD}@{address}/postgres"


@contextmanager
def redis_container() -> Iterator[str]:
    """The address of a fresh Redis."""
    container = (
        DockerContainer(REDIS_IMAGE)
        .with_exposed_ports(6379)
        .waiting_for(LogMessageWaitStrategy("Ready to accept connections"))
    )
    with container as running:
        yield f"redis://{running.get_container_host_ip()}:{running.get_exposed_port(6379)}/0"
