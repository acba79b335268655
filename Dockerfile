# syntax=docker/dockerfile:1.7
# Two images: `docker build --target api .` and `docker build --target worker .` (docker-compose.yml builds both).
# The api image holds neither MediaPipe nor OpenCV; neither image holds a compiler, a build tool or a secret.

FROM python:3.11.14-slim-bookworm AS base
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# -- our own wheel, built with nothing outside the lock
FROM base AS wheel
COPY requirements-build.lock ./
RUN pip install --require-hashes --no-deps -r requirements-build.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY app ./app
COPY workers ./workers
COPY migrations ./migrations
COPY bench ./bench
RUN python -m hatchling build -t wheel -d /dist

FROM base AS api-packages
RUN python -m venv /opt/plumbline
COPY requirements-api.lock ./
RUN /opt/plumbline/bin/pip install --require-hashes --no-deps -r requirements-api.lock
COPY --from=wheel /dist /dist
RUN /opt/plumbline/bin/pip install --no-deps --no-index /dist/*.whl \
    && /opt/plumbline/bin/python -m compileall -q /opt/plumbline/lib

FROM base AS worker-packages
RUN python -m venv /opt/plumbline
COPY requirements-worker.lock ./
RUN /opt/plumbline/bin/pip install --require-hashes --no-deps -r requirements-worker.lock
COPY --from=wheel /dist /dist
RUN /opt/plumbline/bin/pip install --no-deps --no-index /dist/*.whl \
    && /opt/plumbline/bin/python -m compileall -q /opt/plumbline/lib

# -- what both images are at run time: an ordinary user, one folder to write in
FROM base AS runtime
RUN groupadd --system --gid 10001 plumbline \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin plumbline \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/plumbline
ENV PATH=/opt/plumbline/bin:$PATH \
    PLUMBLINE_ENVIRONMENT=production \
    PLUMBLINE_DATA_DIR=/var/lib/plumbline
VOLUME /var/lib/plumbline
WORKDIR /var/lib/plumbline
STOPSIGNAL SIGTERM

FROM runtime AS api
COPY --from=api-packages /opt/plumbline /opt/plumbline
USER 10001:10001
ENV PLUMBLINE_HOST=0.0.0.0 \
    PLUMBLINE_PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PLUMBLINE_PORT'] + '/healthz', timeout=4)"]
CMD ["plumbline", "api"]

FROM runtime AS worker
# MediaPipe links against these two; they come from Debian's security-maintained archive, so no version is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libegl1 libgles2 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=worker-packages /opt/plumbline /opt/plumbline
USER 10001:10001
# The worker makes the file once it has reached the broker; when its process ends, so does the container.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["test", "-f", "/tmp/worker-ready"]
CMD ["plumbline", "worker", "--ready-file", "/tmp/worker-ready"]
