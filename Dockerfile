# lens-gate for pipelines that run containers: GitLab, Jenkins, Buildkite. Build it at the root of the repository.
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY requirements/run.txt requirements/build.txt requirements/
COPY src src
RUN python -m venv /opt/lens-gate \
 && /opt/lens-gate/bin/pip install --no-cache-dir --require-hashes --no-deps --requirement requirements/run.txt \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes --no-deps --requirement requirements/build.txt \
 && /opt/build/bin/python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/lens-gate/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.13-slim
# git, for what a change is compared with; Debian mends a release in place, so that its version is not pinned.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 lens-gate
COPY --from=build /opt/lens-gate /opt/lens-gate
ENV PATH="/opt/lens-gate/bin:$PATH"
USER 1000
WORKDIR /work
# No entry point: pipelines start the image with a shell of their own.
CMD ["lens-gate", "--help"]
