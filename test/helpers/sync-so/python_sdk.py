"""Generations by the Python SDK of sync.so, unmodified: requests as JSON on stdin, what became of them on stdout."""

import json
import sys

from sync import Sync
from sync.common import ActiveSpeaker, Audio, GenerationOptions, GenerationSegment, SegmentAudioInput, Video
from sync.core.api_error import ApiError

client = Sync(base_url=sys.argv[1], api_key=sys.argv[2]).generations


def options_of(options):
    speaker = options.get("active_speaker_detection")
    return GenerationOptions(
        sync_mode=options.get("sync_mode"),
        active_speaker_detection=ActiveSpeaker(**speaker) if speaker else None,
    )


def segment_of(segment):
    audio = segment["audioInput"]
    sound = SegmentAudioInput(ref_id=audio["refId"], start_time=audio.get("startTime"), end_time=audio.get("endTime"))
    return GenerationSegment(start_time=segment["startTime"], end_time=segment["endTime"], audio_input=sound)


def input_of(item):
    if item["type"] == "video":
        return Video(url=item["url"])
    return Audio(url=item["url"], ref_id=item.get("refId"))


def generate(request):
    wanted = {"model": request["model"], "input": [input_of(item) for item in request["input"]]}
    if "options" in request:
        wanted["options"] = options_of(request["options"])
    if "segments" in request:
        wanted["segments"] = [segment_of(segment) for segment in request["segments"]]
    if "webhookUrl" in request:
        wanted["webhook_url"] = request["webhookUrl"]
    made = client.create(**wanted)
    while True:
        generation = client.get(made.id)
        if generation.status not in ["PENDING", "PROCESSING"]:
            break
    listed = client.list(status=["COMPLETED"], ids=[made.id])
    return {
        "id": made.id,
        "status": generation.status,
        "outputUrl": generation.output_url,
        "outputDuration": generation.output_duration,
        "error": generation.error,
        "isListed": [one.id for one in listed] == [made.id],
    }


def status_of(call):
    try:
        call()
    except ApiError as error:
        return error.status_code


requests = json.load(sys.stdin)
generations = [generate(request) for request in requests]
video, audio = requests[0]["input"][:2]
missing = status_of(lambda: client.get("nobody"))
refused = status_of(lambda: client.create(model="react-1", input=[Video(url=video["url"]), Audio(url=audio["url"])]))
print(json.dumps({"generations": generations, "missing": missing, "refused": refused}))
