# What the nodes of the Ray cluster run, the head too: `winnow run` and its workers.
#   docker build -f docker/worker.Dockerfile -t winnow-worker .
#   docker build -f docker/worker.Dockerfile -t winnow-worker:cuda --build-arg DEVICE=cuda .
FROM python:3.11-slim
# cpu or cuda. Their builds of fbgemm install into one folder and break each other, so an image has one of them.
ARG DEVICE=cpu

# wget is what KubeRay's probes call.
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 wget && rm -rf /var/lib/apt/lists/* \
 && pip install --no-cache-dir uv \
 && useradd --uid 1000 --create-home winnow \
 && install -d -o winnow -g winnow /var/lib/winnow
# Into the system's Python: KubeRay starts Ray from a login shell, whose path has no other.
ENV UV_SYSTEM_PYTHON=1 \
    UV_COMPILE_BYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY trainers trainers
COPY sharding sharding
COPY docker/cuda-overrides.txt docker/cuda-overrides.txt
# On the CPU, torch comes from PyTorch's index: PyPI's build brings several GB of CUDA.
RUN case "$DEVICE" in \
      cpu) uv pip install --no-cache --no-deps --index-url https://download.pytorch.org/whl/cpu torch==2.13.0 \
           && uv pip install --no-cache '.[cpu]' ;; \
      cuda) uv pip install --no-cache --no-config --overrides docker/cuda-overrides.txt '.[cuda]' ;; \
      *) echo "DEVICE is '$DEVICE'; give cpu or cuda" >&2; exit 2 ;; \
    esac

USER winnow
# Kernels are compiled for this machine's processor; on another one they are compiled anew by the first run.
RUN python -c 'from trainers.ops.kernels import warm_up; warm_up()'
WORKDIR /var/lib/winnow
VOLUME /var/lib/winnow
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["wget", "-q", "-T", "4", "-O", "/dev/null", "http://127.0.0.1:52365/api/local_raylet_healthz"]
CMD ["ray", "start", "--head", "--block", "--dashboard-host=0.0.0.0", "--disable-usage-stats"]
