# One service: docker build -f deploy/docker/service.Dockerfile --build-arg SERVICE=main-api .
# The image holds that service, the chassis and the contracts; from its own hash-pinned requirements.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ARG SERVICE
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY deploy/docker/requirements-build.txt requirements-build.txt
COPY services/${SERVICE}/requirements.txt requirements.txt
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --no-deps -r requirements-build.txt \
    && python -m venv /opt/opside \
    && /opt/opside/bin/pip install --require-hashes --no-deps -r requirements.txt
COPY shared/chassis shared/chassis
COPY shared/contracts shared/contracts
COPY services/${SERVICE} service
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheels \
        ./shared/chassis ./shared/contracts ./service \
    && /opt/opside/bin/pip install --no-deps wheels/*.whl \
    && /opt/opside/bin/pip uninstall --yes pip

FROM ${BASE_IMAGE}
ARG SERVICE
LABEL org.opencontainers.image.title="opside ${SERVICE}"
ENV PATH=/opt/opside/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin opside \
    && install -d -o opside -g opside -m 0700 /var/lib/opside
WORKDIR /srv
COPY --from=build /opt/opside /opt/opside
# Migrations run from the same image, as the owner of the schema.
COPY services/${SERVICE}/alembic.ini alembic.ini
COPY services/${SERVICE}/migrations migrations
USER 10001
# Which program runs is said by whoever starts it: python -m <package>.app or <package>.worker.
CMD ["python", "-c", "raise SystemExit('name a program: python -m <package>.app | <package>.worker')"]
