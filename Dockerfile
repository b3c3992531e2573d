# The service without PyTorch: about the size of Python and NumPy.
#   docker build --tag pbgen . && docker run --rm --publish 127.0.0.1:8000:8000 pbgen
# tests/integration/test_deploy_image.py runs the commands of the first stage.

FROM python:3.12.11-slim-bookworm AS build
RUN apt-get update -qq \
 && apt-get install --quiet --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml CMakeLists.txt LICENSE README.md ./
COPY kernels kernels
COPY model_store model_store
COPY pbgen pbgen
COPY service service
COPY training training
# Extras that the service can do with, such as "tracing,remote".
ARG EXTRAS=""
# What only installs and tests stays out.
RUN python3 -m venv --without-pip /opt/pbgen
RUN python3 -m pip --python /opt/pbgen/bin/python install --no-cache-dir --quiet --disable-pip-version-check ".${EXTRAS:+[$EXTRAS]}" \
 && find /opt/pbgen -type d -name tests -prune -exec rm -r {} +
# An image without the C kernels would be many times slower and say so only in its log.
RUN cd / && /opt/pbgen/bin/python -c "import kernels; assert kernels.available_isas()[0] != 'numpy'"

FROM python:3.12.11-slim-bookworm
COPY --from=build /opt/pbgen /opt/pbgen
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin pbgen \
 && install --directory --owner=pbgen --group=pbgen /data
USER 10001:10001
WORKDIR /data
ENV PATH=/opt/pbgen/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PBGEN_HOST=0.0.0.0 \
    PBGEN_PORT=8000 \
    PBGEN_DATA=/data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=2s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
CMD ["python", "-m", "service"]
