# syntax=docker/dockerfile:1
# Two stages: the first installs, the second carries only what runs. BASE may be any image with Python 3.11 or newer.
ARG BASE=python:3.12-slim

# hadolint ignore=DL3006
FROM ${BASE} AS build
WORKDIR /src
COPY .ci/runtime.lock ./runtime.lock
RUN python3 -m venv /app && /app/bin/pip install --no-cache-dir --require-hashes -r runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot ./bot
COPY detectors ./detectors
COPY prompts ./prompts
RUN /app/bin/pip install --no-cache-dir --no-deps .

# hadolint ignore=DL3006
FROM ${BASE}
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/faultline faultline
COPY --from=build /app /app
USER 10001
WORKDIR /var/lib/faultline
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 MPLCONFIGDIR=/tmp
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["faultline"]
CMD ["run", "--config", "/etc/faultline/faultline.yaml"]
