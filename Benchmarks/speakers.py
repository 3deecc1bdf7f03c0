"""Faces followed and speech credited on clips as people meet them, the bundle `edge` beside the bundle `reference`.

    FWOC_SHARED_DATA=DIR FWOC_REFERENCE_MODELS=DIR python3 speakers.py [--agent .build/release/fwoc-agent] [--bundle edge] [CLIP …]

Every clip of clips-wild, or those named, goes through `fwoc-agent replay --observations`. Nobody drew boxes round these faces: what `reference` follows is the measure, so that what it misses
counts against who finds it.

found      share of the reference's boxes, over all frames, that overlap one of this bundle's by half of what both cover (IoU)
right      share of this bundle's boxes that overlap one of the reference's so
overlap    mean IoU of the reference's boxes with the best one of this bundle's
credited   seconds of speech credited to a face, by this bundle and by `reference`, of all speech that this bundle heard
"""

import argparse
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
SPEECH = re.compile(r"speech: ([0-9.]+) s credited to a face, ([0-9.]+) s off screen, ([0-9.]+) s contested")


def overlap(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


def replayed(agent, bundle, clip):
    """Boxes by time, and seconds of speech: credited, off screen, contested."""
    environment = {**os.environ, "FWOC_MODELS": str(PACKAGE / "models")}
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.jsonl"
        ran = subprocess.run([agent, "replay", clip, "--bundle", bundle, "--observations", "--events", events], capture_output=True, text=True, env=environment)
        if ran.returncode != 0:
            raise SystemExit(f"{clip}: fwoc-agent replay ended with {ran.returncode}: {ran.stderr.strip()}")
        boxes = {}
        for line in events.read_text().splitlines():
            row = json.loads(line)
            if "t" in row and "faces" in row:
                boxes[row["t"]] = [face["bbox"] for face in row["faces"]]
    found = SPEECH.search(ran.stdout + ran.stderr)
    return boxes, tuple(map(float, found.groups())) if found else (0.0, 0.0, 0.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*")
    parser.add_argument("--agent", default=str(PACKAGE / ".build/release/fwoc-agent"))
    parser.add_argument("--bundle", default="edge")
    options = parser.parse_args()
    clips = options.clips
    if not clips:
        if "FWOC_SHARED_DATA" not in os.environ:
            raise SystemExit("speakers: set FWOC_SHARED_DATA to the folder of the public data, or name clips")
        clips = sorted(str(clip) for clip in (Path(os.environ["FWOC_SHARED_DATA"]) / "clips-wild").iterdir())
    print(f"| clip | found % | right % | overlap | credited s, `{options.bundle}` | `reference` | of speech |\n|---|---|---|---|---|---|---|")
    sums = [0.0, 0.0, 0.0]
    for clip in clips:
        own, speech = replayed(options.agent, options.bundle, clip)
        wanted, other = replayed(options.agent, "reference", clip)
        near = [max((overlap(box, face) for face in own.get(time, [])), default=0.0) for time, boxes in wanted.items() for box in boxes]
        back = [max((overlap(box, face) for face in wanted.get(time, [])), default=0.0) for time, boxes in own.items() for box in boxes]
        share = lambda values: f"{100 * sum(value >= 0.5 for value in values) / len(values):.0f}" if values else "–"
        mean = f"{sum(near) / len(near):.2f}" if near else "–"
        print(f"| {Path(clip).name} | {share(near)} | {share(back)} | {mean} | {speech[0]:.1f} | {other[0]:.1f} | {sum(speech):.1f} |", flush=True)
        sums = [a + b for a, b in zip(sums, (speech[0], other[0], sum(speech)))]
    print(f"| all | | | | {sums[0]:.1f} | {sums[1]:.1f} | {sums[2]:.1f} |")


if __name__ == "__main__":
    main()
