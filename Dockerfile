# The worker: no compiler, no Python, nothing fetched at start.
#
#   docker build -t musetalk-worker --build-arg VERSION=0.1.0 --build-arg GIT_REVISION=$(git rev-parse HEAD) .
#
# BUNDLE=musetalk-v1.5 puts MuseTalk's weights into the image, from the model hub or from the official files in
# checkpoints/; without it a worker can fetch them when it starts (docs/musetalk.md). DEVICE=cuda adds ONNX Runtime's
# CUDA provider and NVIDIA's libraries. Stages that a build does not need do nothing, so that any builder can run them.
ARG BUNDLE=lite
ARG DEVICE=cpu

FROM node:26-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# What is optional is for machines without Node 26 and ffmpeg; this one has both. onnxruntime-node comes
# with the libraries of every system.
# npm's list misses what such packages need as well, or is refused for want of them: they leave package.json before it.
COPY docker/licenses.mjs docker/
RUN npm ci --omit=dev --omit=optional \
 && npm pkg delete devDependencies optionalDependencies && npm sbom --sbom-format cyclonedx > sbom.json \
 && node docker/licenses.mjs sbom.json > THIRD_PARTY_LICENSES \
 && rm -rf node_modules/@opentelemetry/*/build/esm node_modules/@opentelemetry/*/build/esnext \
 && cd node_modules/onnxruntime-node/bin/napi-v6 \
 && rm -rf darwin win32 \
 && find linux -mindepth 1 -maxdepth 1 ! -name "$(node -p process.arch)" -exec rm -r {} +

FROM debian:bookworm-slim AS cuda
ARG DEVICE
COPY docker/cuda.sh docker/cuda-requirements.txt /docker/
RUN /docker/cuda.sh "$DEVICE"

# Official files that are at hand, in any layout: beside the Dockerfile or in a named build context. The glob
# matches nothing where there are none.
FROM scratch AS checkpoints
COPY package.json checkpoint[s] /

FROM node:26-bookworm-slim AS bundle
ARG BUNDLE
ARG DEVICE
ARG PRECISION=auto
ARG ALLOW_UNKNOWN=false
ARG HF_ENDPOINT
WORKDIR /app
COPY --from=checkpoints / /checkpoints/
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY docker/bundle.sh /docker/
COPY handler handler
COPY models/inference models/inference
COPY models/system models/system
COPY models/checkpoints models/checkpoints
COPY models/templates models/templates
COPY models/pixels models/pixels
COPY models/musetalk-v1.5 models/musetalk-v1.5
COPY runtime runtime
RUN /docker/bundle.sh "$BUNDLE" "$DEVICE" "$PRECISION" "$ALLOW_UNKNOWN"

FROM node:26-bookworm-slim
# Mesa's drivers and the compiler behind them (160 MB) come with ffmpeg for its window, which nobody opens.
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ffmpeg tini \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* \
 && cd /usr/lib/*-linux-gnu && rm -rf dri libLLVM* libz3* \
 && ffmpeg -v error -f lavfi -i color=d=0.1 -f lavfi -i anullsrc=d=0.1 -af aresample=resampler=soxr -c:v libx264 -f null - \
 && useradd --uid 10001 --create-home worker \
 && install -d -o worker -g worker /data

WORKDIR /app
COPY --from=cuda /cuda/lib /opt/cuda/lib
COPY --from=packages /app/node_modules node_modules
COPY --from=cuda /cuda/provider node_modules/onnxruntime-node/bin/napi-v6/linux/x64/
ARG DEVICE
COPY docker/check-cuda.sh /docker/
RUN /docker/check-cuda.sh "$DEVICE" node_modules/onnxruntime-node/bin/napi-v6/linux/x64
COPY --from=bundle /bundles bundles/
COPY --from=packages /app/sbom.json /app/THIRD_PARTY_LICENSES ./
COPY package.json LICENSE ./
COPY bin bin
COPY demo demo
COPY handler handler
COPY models/inference models/inference
COPY models/system models/system
COPY models/pixels models/pixels
COPY models/checkpoints models/checkpoints
COPY models/templates models/templates
COPY models/lite models/lite
COPY models/musetalk-v1.5 models/musetalk-v1.5
COPY runtime runtime
RUN ln -s /app/bin/musetalk-worker.mjs /usr/local/bin/musetalk-worker

# `video` brings NVENC where the machine has an NVIDIA GPU. ONNX Runtime reports to its makers otherwise.
ARG BUNDLE
ENV NODE_ENV=production \
    ORT_DISABLE_TELEMETRY=1 \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video \
    MODEL_BUNDLE=${BUNDLE} \
    BUNDLES_DIR=/data/bundles \
    CACHE_DIR=/data/cache \
    NODE_COMPILE_CACHE=/data/cache/code \
    STATE_DIR=/data/state \
    OUTPUT_DIR=/data/outputs
EXPOSE 8000

# RunPod's hub tester installs itself into the image and needs --build-arg RUN_AS=root.
ARG RUN_AS=worker
USER ${RUN_AS}

ARG VERSION=
ARG GIT_REVISION=
ENV GIT_REVISION=${GIT_REVISION}
LABEL org.opencontainers.image.title="musetalk-worker" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${GIT_REVISION}"

# A worker of RunPod's queue listens nowhere unless PORT says so.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD ["node", "-e", "process.env.RUNPOD_WEBHOOK_GET_JOB && !process.env.PORT ? process.exit(0) : fetch(`http://127.0.0.1:${process.env.PORT || 8000}/health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]

# Platforms replace the command or start it through a shell, so it is whole, and the base's entrypoint is
# off. tini buries the ffmpegs of a render process that was killed; Node as process 1 would not.
ENTRYPOINT []
CMD ["tini", "-s", "--", "node", "/app/runtime/main.ts", "start"]
