# The control plane: REST, store and reconcile loop. Base dependencies alone, no torch.
#   docker build -f docker/control-plane.Dockerfile -t winnow-control-plane .
FROM python:3.11-slim

RUN useradd --uid 1000 --create-home winnow && install -d -o winnow -g winnow /var/lib/winnow
ENV PYTHONUNBUFFERED=1 \
    WINNOW_HOME=/var/lib/winnow

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY trainers trainers
COPY sharding sharding
RUN pip install --no-cache-dir .

USER winnow
WORKDIR /var/lib/winnow
VOLUME /var/lib/winnow
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import httpx; httpx.get('http://127.0.0.1:8080/healthz', timeout=4).raise_for_status()"]
# It answers callers with a key; `winnow keys create --name NAME --scope admin` in the container makes one.
CMD ["uvicorn", "--factory", "service.main:application", "--host", "0.0.0.0", "--port", "8080"]
