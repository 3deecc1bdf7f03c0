"""Runs `fwoc-agent run` on a camera, a sound server and a broker that need no hardware, and prints what it costs.

    FWOC_SHARED_DATA=DIR FWOC_REFERENCE_MODELS=DIR python3 live.py [--minutes 3] [--agent PROGRAM] [--json FILE]

A file that libv4l2 takes for a camera (Tests/LiveLab/fake-camera) shows two people in turn, three seconds each with three of an empty room in between,
640x480 at 25 frames a second with the driver's timestamps; PulseAudio plays what they say; mosquitto takes the events. One of the two is enrolled. Printed:
  - capture to event: from the driver's timestamp of the frame that decided to the call of the publisher, of the events that need no
    speech (`new`, by face); median, 99th percentile, worst;
  - the same to the arrival at a subscriber, which adds the disk, the network and the broker;
  - memory after the first minute and at the end, threads and open files at both, frames dropped by whom.
With --minutes 30 it is the endurance test: memory flat to 2 MB after the first minute.
"""

import argparse
import calendar
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
LAB = PACKAGE / "Tests/LiveLab"
PEOPLE = {"Ann": "avspeech-3DsHHfu4_co_", "Bob": "avspeech-5JGS4NZrYpk_"}
CLIPS = {"Ann": ["109_", "14_"], "Bob": ["223_", "409_"]}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def frames_of(clip, folder):
    """YUYV frames of a clip, letterboxed to 640x480, and an empty room of the same length."""
    file = folder / (clip.stem + ".yuyv")
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", clip, "-t", "3", "-vf",
                    "fps=25,scale=640:480:force_original_aspect_ratio=decrease,pad=640:480:(ow-iw)/2:(oh-ih)/2", "-pix_fmt", "yuyv422",
                    "-f", "rawvideo", file], check=True)
    return file.read_bytes()


def status(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5) as answer:
        return json.load(answer)


def processes(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    # Its own memory: the frames of the camera that is a file are mapped, too, and belong to the file.
    return {"rss": int(re.search(r"RssAnon:\s+(\d+)", text)[1]) / 1024, "threads": int(re.search(r"Threads:\s+(\d+)", text)[1]),
            "files": len(os.listdir(f"/proc/{pid}/fd"))}


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("FWOC_SHARED_DATA", str(PACKAGE.parent / "shared/data")))
    parser.add_argument("--models", default=os.environ.get("FWOC_REFERENCE_MODELS", str(PACKAGE.parent / "shared/teachers")))
    parser.add_argument("--agent", default=str(PACKAGE / ".build/release/fwoc-agent"))
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--json")
    options = parser.parse_args()
    clips = Path(options.data) / "clips-wild"
    for needed in [Path(options.agent), clips, Path(options.models)]:
        if not needed.exists():
            sys.exit(f"{needed}: not there; see --help")
    for program in ["ffmpeg", "pulseaudio", "pacat", "paplay", "mosquitto", "mosquitto_sub"]:
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
            sys.exit(f"no {program}: run make setup")
    folder = Path(tempfile.mkdtemp(prefix="fwoc-live-"))
    started = []
    environment = os.environ | {"FWOC_MODELS": str(PACKAGE / "models"), "FWOC_REFERENCE_MODELS": str(options.models)}

    def start(*command, **extra):
        process = subprocess.Popen([str(part) for part in command], **({"stdin": subprocess.DEVNULL, "env": environment} | extra))
        started.append(process)
        return process

    try:
        subprocess.run(["make", "-s", "-C", LAB / "fake-camera", "install", f"OUT={folder}"], check=True)
        empty = b"\x30\x80" * (640 * 480)
        content, sound = b"", folder / "sound.wav"
        parts = []
        for index in range(2):
            for person in PEOPLE:
                clip = clips / f"{PEOPLE[person]}{CLIPS[person][index]}.mp4"
                content += frames_of(clip, folder) + empty * 75
                parts += ["-t", "3", "-i", clip]
        inputs = "".join(f"[{k}:a]apad=whole_dur=6[a{k}];" for k in range(4)) + "".join(f"[a{k}]" for k in range(4)) + "concat=n=4:v=0:a=1"
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *parts, "-filter_complex", inputs, "-ac", "1", "-ar", "48000", sound], check=True)
        (folder / "frames.yuyv").write_bytes(content)
        (folder / "camera.fake-camera").write_text(f"fake camera\nmode YUYV 640x480 25 0 {folder}/frames.yuyv\n")
        (folder / "camera").touch()
        subprocess.run([options.agent, "enroll", "Ann", "--clip", clips / f"{PEOPLE['Ann']}106_.mp4", "--gallery", folder / "people.sqlite"],
                       check=True, env=environment, stdout=subprocess.DEVNULL)
        broker, http = free_port(), free_port()
        start("bash", LAB / "broker/broker.sh", folder / "broker", broker)
        start("bash", LAB / "pulse/pulse-server.sh", folder / "pulse", stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        sound_server = f"unix:{folder}/pulse/native"
        time.sleep(2)
        players = environment | {"PULSE_SERVER": sound_server}
        start("pacat", "--latency-msec=40", "-d", "clip", "--rate=48000", "--channels=1", "/dev/zero", env=players)
        start("bash", "-c", f"while paplay --latency-msec=40 -d clip {sound}; do :; done", env=players, stderr=subprocess.DEVNULL)
        (folder / "agent.yaml").write_text(json.dumps({
            "node": "bench", "camera": {"device": str(folder / "camera"), "size": "640x480", "rate": 25, "formats": ["yuyv"]},
            "microphone": {"source": "mic", "server": sound_server}, "mqtt": {"host": "127.0.0.1", "port": broker}, "bundle": "reference",
            "gallery": str(folder / "people.sqlite"), "outbox": {"path": str(folder / "outbox.sqlite")}, "http": {"listen": f"127.0.0.1:{http}"}}))
        subscriber = start("mosquitto_sub", "-p", broker, "-V", "5", "-q", "1", "-F", "%U %p", "-t", "fwoc/bench/event/identity",
                           stdout=open(folder / "events.txt", "wb"))
        agent = start(options.agent, "run", "--config", folder / "agent.yaml", stderr=open(folder / "agent.log", "wb"))
        begin = time.time()
        early = None
        while time.time() - begin < options.minutes * 60:
            time.sleep(2)
            if agent.poll() is not None:
                sys.exit(f"the agent ended:\n{(folder / 'agent.log').read_text()[-2000:]}")
            if early is None and time.time() - begin >= min(60, options.minutes * 30):
                early = processes(agent.pid) | {"time": time.time() - begin}
            if sys.stderr.isatty():
                print(f"\r{(time.time() - begin) / 60:5.1f} of {options.minutes:g} minutes ", end="", file=sys.stderr, flush=True)
        late = processes(agent.pid)
        last = status(http)
        agent.terminate()
        agent.wait(10)
        time.sleep(0.5)
        subscriber.terminate()
        decided, arrived = [], []
        for line in (folder / "events.txt").read_text().splitlines():
            moment, text = line.split(" ", 1)
            event = json.loads(text)
            if event["type"] == "new" and event.get("modality") == "face":
                delay = event["latency_ms"].get("capture_to_event")
                if delay is not None:
                    decided.append(delay)
                    # The event's own time is that of its frame.
                    stamp = time.strptime(event["ts"][:19], "%Y-%m-%dT%H:%M:%S")
                    arrived.append(1000 * (float(moment) - calendar.timegm(stamp) - int(event["ts"][20:23]) / 1000))
        camera, microphone = last["camera"], last.get("microphone") or {}
        result = {"events": len(decided), "capture_to_event_ms": {"p50": quantile(decided, 0.5), "p99": quantile(decided, 0.99), "worst": max(decided, default=None)},
                  "capture_to_subscriber_ms": {"p50": quantile(arrived, 0.5), "p99": quantile(arrived, 0.99)}, "early": early, "late": late,
                  "frames": camera["frames"], "dropped": {key: camera[key] for key in ("dropped_by_ring", "dropped_by_driver", "shed", "decode_errors")},
                  "sound": {key: microphone.get(key) for key in ("dropped_by_ring", "overflows", "discontinuities", "drift_ppm")},
                  "fps": camera.get("fps"), "load": last["recognition"].get("load"), "minutes": options.minutes}
        name = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
        print(f"{name}; {options.minutes:g} minutes of 640x480 at 25 frames a second")
        print(f"capture to event      {len(decided)} events by face   median {result['capture_to_event_ms']['p50']:.0f} ms   p99 {result['capture_to_event_ms']['p99']:.0f} ms"
              f"   worst {result['capture_to_event_ms']['worst']} ms")
        print(f"capture to subscriber                   median {result['capture_to_subscriber_ms']['p50']:.0f} ms   p99 {result['capture_to_subscriber_ms']['p99']:.0f} ms")
        print(f"frames {camera['frames']}, dropped {result['dropped']}; sound {result['sound']}")
        print(f"recognition takes {100 * (last['recognition'].get('load') or 0):.0f} % of one processor")
        if early:
            print(f"after {early['time']:.0f} s: {early['rss']:.1f} MiB, {early['threads']} threads, {early['files']} files;"
                  f" at the end: {late['rss']:.1f} MiB ({late['rss'] - early['rss']:+.1f}), {late['threads']} threads, {late['files']} files")
        if options.json:
            Path(options.json).write_text(json.dumps(result, indent=1))
    finally:
        for process in reversed(started):
            if process.stdin:
                # The sound server's script ends the server when its standard input is closed; killed, it could not.
                process.stdin.close()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    pass
            if process.poll() is None:
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
