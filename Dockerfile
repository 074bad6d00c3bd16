# Two images from one file: `arena` serves, `agent` trains. Only the agent has torch.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# Wheels of one's own that the agent may be built from: docker build --build-context wheels=FOLDER
FROM scratch AS wheels

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
# In the environment, because a constraint given as an option does not reach what builds the package.
ENV PIP_CONSTRAINT=/src/constraints.txt PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
COPY pyproject.toml constraints.txt deploy/requirements.py ./

FROM build AS build-arena
# What the package needs comes before the package, so that a change of the code builds in seconds.
RUN python -m venv --without-pip /opt/forge-arena \
    && python requirements.py server postgres > requirements.txt \
    && pip --python /opt/forge-arena/bin/python install -r requirements.txt \
    # Their tests are a tenth of the image. Numpy's stay: its `testing` imports from them.
    && find /opt/forge-arena -type d -name tests ! -path '*/numpy/*' -prune -exec rm -r {} +
COPY . .
# There is no git in the image to ask: `make images` gives both. Without them the arena says that it does not know them.
ARG VERSION
ARG REVISION
RUN if [ -n "$REVISION" ]; then echo "$REVISION" > arena/forge_arena/_revision.txt; fi \
    && SETUPTOOLS_SCM_PRETEND_VERSION=${VERSION:-0+unknown} pip --python /opt/forge-arena/bin/python install --no-deps .

FROM build AS build-agent
# The CPU's torch is a tenth of the size. For a GPU build with TORCH_INDEX= (empty): PyPI's torch brings CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN --mount=type=bind,from=wheels,target=/wheels \
    python -m venv --without-pip /opt/forge-arena \
    && python requirements.py train > requirements.txt \
    && pip --python /opt/forge-arena/bin/python install --find-links /wheels \
        ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r requirements.txt
COPY . .
ARG VERSION
ARG REVISION
RUN if [ -n "$REVISION" ]; then echo "$REVISION" > arena/forge_arena/_revision.txt; fi \
    && SETUPTOOLS_SCM_PRETEND_VERSION=${VERSION:-0+unknown} pip --python /opt/forge-arena/bin/python install --no-deps .

FROM ${PYTHON_IMAGE} AS run
# Named by number: Kubernetes cannot tell from a name that a user is not root.
RUN useradd --system --uid 10001 --home-dir /tmp --shell /usr/sbin/nologin forge
ENV PATH=/opt/forge-arena/bin:$PATH PYTHONUNBUFFERED=1
ENTRYPOINT ["forge-arena"]

FROM run AS agent
# A volume mounted here takes over the owner.
RUN install -d -o forge -g forge /runs /models
COPY --from=build-agent /opt/forge-arena /opt/forge-arena
# Two processes that share a core wait for each other's threads.
ENV HF_HOME=/models OMP_NUM_THREADS=1
WORKDIR /runs
USER 10001
CMD ["train", "--help"]

FROM run AS arena
RUN install -d -o forge -g forge /data
COPY --from=build-arena /opt/forge-arena /opt/forge-arena
ENV FORGE_ARENA_HOST=0.0.0.0 FORGE_ARENA_STORE=sqlite:////data/forge-arena.db
WORKDIR /data
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=2s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["serve"]
