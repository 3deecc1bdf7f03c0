"""Open-set identification on the news readers: who is recognised, who is taken for somebody else.

    FWOC_SHARED_DATA=DIR FWOC_REFERENCE_MODELS=DIR python3 news.py [--agent .build/release/fwoc-agent] [--jobs 2]
    FWOC_SHARED_DATA=DIR FWOC_REFERENCE_MODELS=DIR python3 news.py --peer [--face-model face_mbf_512] [--threshold 0.47]

Unpacks clips-news.tar.gz (or takes --clips FOLDER of `<reader>/<clip>.mp4`), draws eight readers by --seed, enrols each
from five clips with `fwoc-agent enroll NAME --clip FILE`, and replays 25 other clips of each and 100 clips of readers that
are not enrolled (as evenly from all of them as there are clips) with `fwoc-agent replay CLIP --json`. Judged is the last event
of every track. A clip counts as

    wrong       a track ends as a person whom the clip does not show
    right       a track ends as the clip's person, none as another
    ambiguous, rejected, unknown      the strongest other decision, in this order
    silent      no event at all

and, as `ever wrong`, whether any event of the clip, not only the last, named another person. Exit code 1 if fewer than
--at-least of the known clips are right or any clip is wrong, so that it can stand in a script.

`--peer` does the same with the reference models in onnxruntime (peer/clip_embeddings.py), a plain threshold and margin on
the cosine to the mean of the five, (1 - w) face + w voice: what these models can do without any of the agent's logic.
Standard output is the table, --json FILE the record with every clip's decision. Needs Python 3.11 or later; numpy,
OpenCV, onnxruntime and kaldi-native-fbank only for --peer.
"""

import argparse
import collections
import json
import os
import random
import subprocess
import sys
import tarfile
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
OUTCOMES = ["right", "wrong", "ambiguous", "rejected", "unknown", "silent", "failed"]
READERS, ENROLLED_CLIPS, KNOWN_CLIPS, STRANGER_CLIPS = 8, 5, 25, 100
# Half way between the highest impostor and the lowest percent of genuine trials (peer/separation.py, voice weight 0.3).
THRESHOLDS = {"face_mbf_512": 0.47, "mobilefacenet_128": 0.55}


def draw(folder, seed):
    """Enrolled readers with their five clips, and the probes: [(reader or None, clip)]."""
    chance = random.Random(seed)
    clips = {reader.name: sorted(reader.glob("*.mp4")) for reader in sorted(folder.iterdir()) if reader.is_dir()}
    able = [reader for reader, own in clips.items() if len(own) >= ENROLLED_CLIPS + KNOWN_CLIPS]
    if len(able) < READERS:
        sys.exit(f"{folder}: {len(able)} readers with {ENROLLED_CLIPS + KNOWN_CLIPS} clips or more, {READERS} expected")
    enrolled = sorted(chance.sample(able, READERS))
    templates, probes = {}, []
    for reader in enrolled:
        own = chance.sample(clips[reader], ENROLLED_CLIPS + KNOWN_CLIPS)
        templates[reader] = own[:ENROLLED_CLIPS]
        probes += [(reader, clip) for clip in own[ENROLLED_CLIPS:]]
    others = {reader: chance.sample(own, len(own)) for reader, own in clips.items() if reader not in enrolled}
    strangers = []
    while len(strangers) < STRANGER_CLIPS and any(others.values()):
        strangers += [(None, own.pop()) for own in others.values() if own][:STRANGER_CLIPS - len(strangers)]
    return templates, probes + strangers


def judge(truth, final, every):
    """Outcome of a clip from the decisions its tracks ended with, [(decision, name or None)], and of any event."""
    named = [name for decision, name in final if decision == "identified"]
    ever_wrong = any(decision == "identified" and name != truth for decision, name in every)
    if any(name != truth for name in named):
        return "wrong", ever_wrong
    if named:
        return "right", ever_wrong
    decisions = {decision for decision, _ in final}
    return next((d for d in ("ambiguous", "rejected", "unknown") if d in decisions), "silent"), ever_wrong


class Agent:
    """Drives the fwoc-agent program."""

    def __init__(self, options, folder):
        self.program = [str(Path(options.agent).resolve())]
        self.common = ["--gallery", str(folder / "gallery.sqlite"), *options.agent_options.split()]
        self.jobs, self.timeout = options.jobs, options.timeout
        self.failures = []
        if not Path(self.program[0]).is_file():
            sys.exit(f"{options.agent}: no such program; build it with `swift build -c release` or name it with --agent")

    def call(self, *arguments):
        command = [*self.program, *arguments, *self.common]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=self.timeout, check=False)
        except subprocess.TimeoutExpired:
            self.failures.append({"command": command, "code": None, "error": f"not done after {self.timeout} s"})
            return None
        if done.returncode:
            self.failures.append({"command": command, "code": done.returncode, "error": done.stderr.strip()[-400:]})
            return None
        return done.stdout

    def enroll(self, templates):
        accepted = 0
        for reader, clips in templates.items():
            done = [self.call("enroll", reader, "--clip", str(clip)) for clip in clips]
            accepted += sum(output is not None for output in done)
            if not any(output is not None for output in done):
                sys.exit(f"{reader} could not be enrolled: {self.failures[-1]['error']}")
        return accepted

    def replay(self, probe):
        output = self.call("replay", str(probe[1]), "--json")
        if output is None:
            return {"outcome": "failed", "ever_wrong": False}
        tracks, every = {}, []
        for line in filter(None, map(str.strip, output.splitlines())):
            event = json.loads(line)
            if not event.get("schema", "").startswith("fwoc.identity/"):
                continue
            tracks[event.get("track")] = event
            every.append((event["decision"], (event.get("person") or {}).get("name")))
        final = [(event["decision"], (event.get("person") or {}).get("name")) for event in tracks.values()]
        outcome, ever_wrong = judge(probe[0], final, every)
        keep = ("decision", "score", "margin", "modality", "face", "voice", "runner_up")
        return {"outcome": outcome, "ever_wrong": ever_wrong,
                "tracks": [{key: event[key] for key in keep if key in event} | {"name": name}
                           for event, (_, name) in zip(tracks.values(), final)]}

    def run(self, templates, probes):
        accepted = self.enroll(templates)
        with ThreadPoolExecutor(self.jobs) as pool:
            return accepted, list(progress(pool.map(self.replay, probes), len(probes)))


class Peer:
    """The same models in onnxruntime, cosine against the mean of the five clips."""

    def __init__(self, options, folder):
        sys.path.insert(0, str(PACKAGE / "Benchmarks/peer"))
        import clip_embeddings
        import numpy
        import reference_models
        self.np, self.source, self.options = numpy, clip_embeddings, options
        self.models = reference_models.existing_folder(reference_models.default_folder())
        self.cache = options.cache or folder / "embeddings.npz"
        self.failures = []

    def unit(self, vector):
        return vector / self.np.linalg.norm(vector, axis=-1, keepdims=True)

    def vectors(self, row):
        face = row[self.options.face_model]
        return self.unit(self.unit(face).mean(0)), self.unit(row["voice"])

    def run(self, templates, probes):
        np, weight = self.np, self.options.voice_weight
        clips = [clip for own in templates.values() for clip in own] + [clip for _, clip in probes]
        rows = self.source.embed(clips, self.cache, self.models)
        people = {}
        for reader, own in templates.items():
            pairs = [self.vectors(rows[self.source.name_of(clip)]) for clip in own]
            people[reader] = [self.unit(np.nanmean(np.stack(side), 0)) for side in zip(*pairs)]
        results = []
        for truth, clip in probes:
            face, voice = self.vectors(rows[self.source.name_of(clip)])
            scores = {}
            for reader, (its_face, its_voice) in people.items():
                parts = [(float(face @ its_face), 1 - weight), (float(voice @ its_voice), weight)]
                parts = [(score, share) for score, share in parts if np.isfinite(score) and share > 0]
                scores[reader] = sum(s * w for s, w in parts) / sum(w for _, w in parts) if parts else -1.0
            (name, best), (_, second) = sorted(scores.items(), key=lambda item: -item[1])[:2]
            decision = "identified" if best >= self.options.threshold else "unknown"
            if decision == "identified" and best - second < self.options.margin:
                decision = "ambiguous"
            final = [(decision, name if decision == "identified" else None)]
            outcome, ever_wrong = judge(truth, final, final)
            results.append({"outcome": outcome, "ever_wrong": ever_wrong,
                            "tracks": [{"decision": decision, "name": final[0][1], "score": round(best, 4), "margin": round(best - second, 4)}]})
        return sum(len(own) for own in templates.values()), results


def progress(items, count):
    start = time.monotonic()
    for done, item in enumerate(items, 1):
        if sys.stderr.isatty() or done % 50 == 0 or done == count:
            rate = done / (time.monotonic() - start)
            print(f"{done} of {count} clips, {rate:.1f} a second, {(count - done) / rate:.0f} s left", file=sys.stderr, flush=True)
        yield item


def table(templates, probes, results):
    rows = collections.defaultdict(collections.Counter)
    for (truth, _), result in zip(probes, results):
        for row in (truth or "not enrolled", "all enrolled" if truth else None):
            if row:
                rows[row][result["outcome"]] += 1
                rows[row]["clips"] += 1
                rows[row]["ever wrong"] += result["ever_wrong"]
    columns = ["clips", *OUTCOMES, "ever wrong"]
    print(f"{'':14}" + "".join(f"{column:>11}" for column in columns))
    for row in [*templates, "all enrolled", "not enrolled"]:
        print(f"{row:14}" + "".join(f"{rows[row][column] or '-':>11}" for column in columns))
    return rows


def modalities(results):
    """What carried the identifications that were right."""
    carried = collections.Counter(
        track.get("modality", "-") for r in results if r["outcome"] == "right" for track in r["tracks"] if track["decision"] == "identified")
    return dict(carried)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("FWOC_SHARED_DATA", str(PACKAGE.parent / "shared/data")), help="folder with clips-news.tar.gz")
    parser.add_argument("--clips", help="folder of already unpacked clips, <reader>/<clip>.mp4")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="clips replayed at a time")
    parser.add_argument("--json", help="file for the record")
    parser.add_argument("--at-least", type=float, default=0.9, help="share of known clips that must be right")
    parser.add_argument("--agent", default=str(PACKAGE / ".build/release/fwoc-agent"))
    parser.add_argument("--agent-options", default="", help="added to every call, e.g. '--bundle reference'")
    parser.add_argument("--timeout", type=float, default=120, help="seconds a call may take")
    parser.add_argument("--peer", action="store_true", help="onnxruntime instead of the agent")
    parser.add_argument("--face-model", choices=["face_mbf_512", "mobilefacenet_128"], default="face_mbf_512")
    parser.add_argument("--voice-weight", type=float, default=0.3)
    parser.add_argument("--threshold", type=float, help=f"of the fused score, {THRESHOLDS} unless given")
    parser.add_argument("--margin", type=float, default=0.05)
    parser.add_argument("--cache", help="--peer: file that keeps the embeddings")
    options = parser.parse_args()
    if options.threshold is None:
        options.threshold = THRESHOLDS[options.face_model]

    with tempfile.TemporaryDirectory(prefix="fwoc-news-") as temporary:
        folder = Path(temporary)
        clips = Path(options.clips) if options.clips else folder / "news"
        if not options.clips:
            archive = Path(options.data) / "clips-news.tar.gz"
            if not archive.is_file():
                sys.exit(f"{archive}: no such file; name its folder with --data or FWOC_SHARED_DATA")
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
        templates, probes = draw(clips, options.seed)
        runner = (Peer if options.peer else Agent)(options, folder)
        start = time.monotonic()
        accepted, results = runner.run(templates, probes)
        seconds = time.monotonic() - start

    rows = table(templates, probes, results)
    known, strangers = rows["all enrolled"], rows["not enrolled"]
    wrong = known["wrong"] + strangers["right"] + strangers["wrong"]
    share = known["right"] / known["clips"]
    print(f"\n{accepted} of {READERS * ENROLLED_CLIPS} clips enrolled; {100 * share:.1f} % of {known['clips']} known clips identified; "
          f"{wrong} of all taken for somebody else at the end, {known['ever wrong'] + strangers['ever wrong']} at any time; {seconds:.0f} s")
    if not options.peer:
        print("identified by:", ", ".join(f"{name} {count}" for name, count in sorted(modalities(results).items())) or "-")
    for failure in runner.failures[:5]:
        print(f"exit code {failure['code']}: {' '.join(failure['command'])}\n    {failure['error']}")
    if options.json:
        record = {"seed": options.seed, "settings": {k: v for k, v in vars(options).items() if k not in ("json", "jobs")},
                  "enrolled": {reader: [clip.name for clip in own] for reader, own in templates.items()},
                  "identified_share": share, "wrong": wrong, "table": {row: dict(counts) for row, counts in rows.items()},
                  "clips": [{"reader": clip.parent.name, "enrolled": truth is not None, "clip": clip.name, **result}
                            for (truth, clip), result in zip(probes, results)], "failures": runner.failures}
        Path(options.json).write_text(json.dumps(record, indent=1) + "\n")
    if share < options.at_least or wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
