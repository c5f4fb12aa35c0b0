# CPU image: docker build -t lit_gans . && docker run --rm -v "$PWD:/work" lit_gans sample conditional_gan_iclevr --condition "red cube"
FROM python:3.12-slim

# The newest torch within the bounds of pyproject.toml. An index of CPU builds makes the image some gigabytes smaller: --build-arg TORCH_INDEX=URL
ARG TORCH_INDEX=
# hadolint ignore=DL3013
RUN pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "torch>=2.11" "torchvision>=0.26"

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY lit_gans lit_gans
COPY data_modules data_modules
COPY configs configs
COPY weights weights
RUN pip install --no-cache-dir . && useradd --create-home --uid 1000 user

USER 1000
WORKDIR /work
ENTRYPOINT ["lit-gans"]
CMD ["--help"]
