"""Vast's PyWorker in front of a musetalk-worker: docs/deploy/vast.md. Needs the package vastai.

It starts the worker, measures it with the demo's files, tells Vast of its load, and forwards what is in `payload`
of POST /generate.
"""

import asyncio
import base64
import contextlib
import os
import signal
import time
import urllib.request
from pathlib import Path

from vastai import BenchmarkConfig, HandlerConfig, Worker, WorkerConfig

PORT = int(os.environ.get("MUSETALK_PORT", "8000"))
DEMO = Path(os.environ.get("MUSETALK_DEMO", "/app/demo"))
URL = f"http://127.0.0.1:{PORT}"
START_S = 1200  # the weights may have to be fetched


def is_ready():
    try:
        with urllib.request.urlopen(f"{URL}/ready", timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


@contextlib.asynccontextmanager
async def musetalk():
    """The worker, from ready to ended; PyWorker's own process ends with it."""
    env = {**os.environ, "HOST": "127.0.0.1", "PORT": str(PORT)}
    worker = await asyncio.create_subprocess_exec("musetalk-worker", "serve", env=env)
    try:
        late = time.monotonic() + START_S
        while not await asyncio.to_thread(is_ready):
            if worker.returncode is not None:
                raise RuntimeError(f"musetalk-worker ended with {worker.returncode}")
            if time.monotonic() > late:
                raise RuntimeError(f"musetalk-worker was not ready within {START_S} s")
            await asyncio.sleep(1)
        yield
    finally:
        if worker.returncode is None:
            worker.terminate()
        await worker.wait()


def inline(name):
    return base64.b64encode((DEMO / name).read_bytes()).decode()


def benchmark():
    """A second of speech, rendered every time: a job that is known already would take none."""
    media = {"video_base64": inline("portrait.png"), "audio_base64": inline("speech.wav")}
    return {"id": "benchmark", "force": True, "speech": {"to": 1}, **media}


# Asked to end it ends as at Ctrl-C, and with it the worker, which finishes its job first.
signal.signal(signal.SIGTERM, signal.default_int_handler)
Worker(
    WorkerConfig(
        model_server_url="http://127.0.0.1",
        model_server_port=PORT,
        # 200 while jobs run: Vast gives a worker up that is not healthy once.
        model_healthcheck_url=f"{URL}/ready",
        lifecycle=musetalk(),
        handlers=[
            HandlerConfig(
                route="/generate",
                allow_parallel_requests=False,
                max_queue_time=60.0,
                # A job is a job, as `cost` in the requests for a worker.
                workload_calculator=lambda _payload: 100.0,
                benchmark_config=BenchmarkConfig(generator=benchmark, runs=2),
            )
        ],
    )
).run()
