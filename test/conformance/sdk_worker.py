"""A worker on RunPod's own Python SDK whose handler does what each job's input asks for.

The inputs are those of RunPod's mock worker: mock_return, mock_delay, mock_error, mock_progress,
mock_refresh. The environment says what kind of handler it is:

HANDLER: plain (blocks while it waits), async, generator, async_generator
AGGREGATE, REFRESH: true turns the SDK's return_aggregate_stream, refresh_worker on
CONCURRENCY: jobs at once
UNFIT: the message of a fitness check that fails
"""

import asyncio
import os
import time

import runpod


def prepare(job):
    """Everything before the output but the delay. Returns the seconds to wait and the output."""
    wanted = job["input"]
    if wanted.get("mock_error"):
        raise Exception("Mock error")
    progress = wanted.get("mock_progress", {})
    for number in range(progress.get("updates", 0)):
        runpod.serverless.progress_update(job, f"update {number + 1}")
        time.sleep(progress.get("wait_time", 0))
    output = wanted.get("mock_return", "done")
    if wanted.get("mock_refresh"):
        output = {"refresh_worker": True, "mock_return": output}
    if wanted.get("mock_long"):
        output = "ä€😀 " * wanted["mock_long"]
    return wanted.get("mock_delay", 0), output


def plain(job):
    delay_s, output = prepare(job)
    time.sleep(delay_s)
    return output


async def unblocking(job):
    delay_s, output = prepare(job)
    await asyncio.sleep(delay_s)
    return output


def generator(job):
    delay_s, output = prepare(job)
    for item in output:
        if item == "raise":
            raise Exception("Mock error")
        time.sleep(delay_s)
        yield item


async def async_generator(job):
    for item in generator(job):
        yield item


HANDLERS = {
    "plain": plain,
    "async": unblocking,
    "generator": generator,
    "async_generator": async_generator,
}


def main():
    env = os.environ
    if "UNFIT" in env:

        @runpod.serverless.register_fitness_check
        def check_mock():
            raise RuntimeError(env["UNFIT"])

    concurrency = int(env.get("CONCURRENCY", "1"))
    runpod.serverless.start(
        {
            "handler": HANDLERS[env.get("HANDLER", "plain")],
            "return_aggregate_stream": env.get("AGGREGATE") == "true",
            "refresh_worker": env.get("REFRESH") == "true",
            "concurrency_modifier": lambda _: concurrency,
        }
    )


# The heartbeat is a process of its own, which imports this file.
if __name__ == "__main__":
    main()
