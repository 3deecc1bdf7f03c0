"""Times real time and memory of `fwoc-agent replay` beside the Python peer, on one core.

    FWOC_SHARED_DATA=DIR FWOC_REFERENCE_MODELS=DIR python3 realtime.py [CLIP...] [--core 1] [--repeats 3] [--json FILE]

The agent runs with each of --bundles; the peer has the models of `reference`.

Runs all on each clip (visualvoice-interview and retalking-1, unless named), one after the other and --repeats times in
turn, and prints the fastest of each: seconds by the clock and of the processor, × real time by both, peak resident memory.
Where other programs share the core only processor time says anything. Seconds include the start of the program and
the opening of the models, for both. `sgemm` is what NumPy reaches in a product of two 512 × 512 matrices on that core in
the same minute, a yardstick for records of other days.

--no-peer or --no-agent leaves one out; --cadence and --face-model go to peer/pipeline.py, --agent-options to the agent.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CLIPS = ["visualvoice-interview.mp4", "retalking-1.mp4"]

SGEMM = """
import numpy, time
a = numpy.random.default_rng(0).random((512, 512), numpy.float32); best = 9
for _ in range(20):
    start = time.process_time(); a @ a; best = min(best, time.process_time() - start)
print(2 * 512**3 / best / 1e9)
"""


def length_of(clip):
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(clip)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure(command, core):
    """Wall seconds, processor seconds and peak MiB of a program and what it started."""
    environment = os.environ | {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment,
                               preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"exit code {process.returncode}: {' '.join(command)}\n{error.decode(errors='replace')[-600:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", metavar="CLIP")
    parser.add_argument("--data", default=os.environ.get("FWOC_SHARED_DATA", str(PACKAGE.parent / "shared/data")))
    parser.add_argument("--agent", default=str(PACKAGE / ".build/release/fwoc-agent"))
    parser.add_argument("--bundles", default="edge,reference")
    parser.add_argument("--agent-options", default="")
    parser.add_argument("--cadence", default="light")
    parser.add_argument("--face-model", default="mobilefacenet_128")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--no-agent", action="store_true")
    options = parser.parse_args()
    clips = [Path(clip) for clip in options.clips] or [Path(options.data) / "clips-wild" / name for name in CLIPS]
    programs = {}
    if not options.no_agent:
        if not Path(options.agent).is_file():
            sys.exit(f"{options.agent}: no such program; build it with `swift build -c release` or name it with --agent")
        for bundle in options.bundles.split(","):
            programs[f"fwoc, {bundle}"] = lambda clip, bundle=bundle: [options.agent, "replay", str(clip), "--json", "--bundle", bundle, *options.agent_options.split()]
    if not options.no_peer:
        pipeline = [sys.executable, str(PACKAGE / "Benchmarks/peer/pipeline.py"), "--cadence", options.cadence, "--face-model", options.face_model]
        programs["onnxruntime"] = lambda clip: [*pipeline, str(clip)]
    for clip in clips:
        if not clip.is_file():
            sys.exit(f"{clip}: no such clip; name it, or its folder's parent with --data or FWOC_SHARED_DATA")

    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown processor")
    speed = subprocess.run(["taskset", "-c", str(options.core), sys.executable, "-c", SGEMM], capture_output=True, text=True,
                           check=False, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"}).stdout
    sgemm = round(float(speed), 1) if speed.strip() else None
    load = os.getloadavg()[0]
    print(f"{model}, core {options.core}, sgemm {sgemm or '-'} GFLOP/s, load {load:.1f}")
    print(f"{'':28}{'':16}{'clip s':>8}{'wall s':>9}{'cpu s':>9}{'x real time':>13}{'x by cpu':>10}{'peak MiB':>10}")
    rows = []
    for clip in clips:
        length = length_of(clip)
        runs = {name: [] for name in programs}
        for _ in range(options.repeats):
            for name, command in programs.items():
                runs[name].append(measure(command(clip), options.core))
        for name, results in runs.items():
            wall, own, peak = min(r[0] for r in results), min(r[1] for r in results), max(r[2] for r in results)
            rows.append({"clip": clip.name, "program": name, "clip_s": length, "wall_s": round(wall, 3), "cpu_s": round(own, 3),
                         "times_real_time": round(length / wall, 2), "times_real_time_cpu": round(length / own, 2), "peak_mib": round(peak, 1)})
            print(f"{clip.name:28}{name:16}{length:8.2f}{wall:9.2f}{own:9.2f}{length / wall:13.2f}{length / own:10.2f}{peak:10.0f}", flush=True)
    if options.json:
        record = {"processor": model, "core": options.core, "sgemm_gflops": sgemm, "load": load,
                  "settings": {"cadence": options.cadence, "face_model": options.face_model, "agent_options": options.agent_options}, "rows": rows}
        Path(options.json).write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
