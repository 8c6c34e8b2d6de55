# modelrepair in a container, with the wheel of `make wheel` and the versions of constraints.txt.
#
#   docker build --tag modelrepair .                             on a CPU
#   docker build --tag modelrepair --build-arg BASE=cuda .       on NVIDIA's GPUs
#   docker run --rm modelrepair                                  the demo
#   docker run --rm --gpus all --user "$(id -u)" --volume "$PWD:/home/modelrepair" modelrepair fix …
ARG BASE=cpu

FROM python:3.13-slim-trixie AS cpu
# Torch without the libraries of CUDA, which the package index's own build asks for on Linux.
ENV PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu

FROM nvidia/cuda:13.0.2-base-ubuntu24.04 AS cuda
# Torch brings the libraries of CUDA; the base says which driver they need. No version of Debian's
# packages is pinned: old ones are not kept.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

FROM ${BASE}
ENV HOME=/home/modelrepair PATH=/opt/modelrepair/bin:$PATH
WORKDIR /opt/wheel
COPY constraints.txt dist/*.whl ./
# Any user may write to the home: the files of a mounted folder belong to the caller.
RUN python3 -m venv /opt/modelrepair \
    && pip install --no-cache-dir --constraint constraints.txt ./*.whl \
    && mkdir --mode 1777 "$HOME"
WORKDIR /home/modelrepair
USER 10001:10001
ENTRYPOINT ["modelrepair"]
CMD ["demo"]
