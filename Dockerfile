# The worker with the embedded bundle, on any CPU: no compiler, no Python, nothing fetched at start.
#
#   docker build -t musetalk-worker --build-arg VERSION=0.1.0 --build-arg GIT_REVISION=$(git rev-parse HEAD) .

FROM node:26-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# What is optional is for machines without Node 26 and ffmpeg; this one has both. onnxruntime-node comes
# with the libraries of every system.
RUN npm ci --omit=dev --omit=optional \
 && cd node_modules/onnxruntime-node/bin/napi-v6 \
 && rm -rf darwin win32 \
 && find linux -mindepth 1 -maxdepth 1 ! -name "$(node -p process.arch)" -exec rm -r {} +

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
COPY --from=packages /app/node_modules node_modules
COPY . .
RUN ln -s /app/bin/musetalk-worker.mjs /usr/local/bin/musetalk-worker

# `video` brings NVENC where the machine has an NVIDIA GPU. ONNX Runtime reports to its makers otherwise.
ENV NODE_ENV=production \
    ORT_DISABLE_TELEMETRY=1 \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video \
    CACHE_DIR=/data/cache \
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

HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8000}/health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]

# Platforms replace the command or start it through a shell, so it is whole, and the base's entrypoint is
# off. tini buries the ffmpegs of a render process that was killed; Node as process 1 would not.
ENTRYPOINT []
CMD ["tini", "-s", "--", "node", "/app/runtime/main.ts", "serve"]
