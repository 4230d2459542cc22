# The stand-ins for Stripe and Amazon: docker build -f deploy/docker/sandbox.Dockerfile .
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY deploy/docker/requirements-build.txt requirements-build.txt
COPY deploy/sandbox/requirements.txt requirements.txt
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --no-deps -r requirements-build.txt \
    && python -m venv /opt/opside \
    && /opt/opside/bin/pip install --require-hashes --no-deps -r requirements.txt
COPY deploy/sandbox sandbox
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheels ./sandbox \
    && /opt/opside/bin/pip install --no-deps wheels/*.whl \
    && /opt/opside/bin/pip uninstall --yes pip

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="opside sandbox"
ENV PATH=/opt/opside/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SANDBOX_HOST=0.0.0.0
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin opside \
    && install -d -o opside -g opside -m 0700 /var/lib/opside
WORKDIR /srv
COPY --from=build /opt/opside /opt/opside
USER 10001
CMD ["python", "-m", "opside_sandbox"]
