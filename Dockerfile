# CPU image: docker build -t lit_gans . && docker run --rm -v "$PWD:/work" lit_gans sample conditional_gan_iclevr --condition "red cube"
FROM python:3.12-slim

# An index of CPU builds of torch makes the image some gigabytes smaller: --build-arg TORCH_INDEX=URL
ARG TORCH_INDEX=
RUN pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "torch>=2.11" "torchvision>=0.26"

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY lit_gans lit_gans
COPY data_modules data_modules
COPY configs configs
COPY weights weights
RUN pip install --no-cache-dir .

RUN useradd --create-home user
USER user
WORKDIR /work
ENTRYPOINT ["lit-gans"]
CMD ["--help"]
