"""Score calibration on public data: what a bundle's `matching.calibration` holds, and whether it is honest on people it did not see.

    FWOC_SHARED_DATA=DIR FWOC_REFERENCE_MODELS=DIR python3 calibration.py [--bundle reference] [--agent .build/release/fwoc-agent] [--work FOLDER] [--rate 0.02] [--without N,N] [--svg FOLDER]

Unpacks clips-news.tar.gz (23 readers, at most 32 clips each) and pictures of faces (at most 12 of a person): faces-celeba.tar.gz, 298 people, for `reference`, and for
`edge`, which learnt from those, every fourth person of faces-lfw-train.tar.gz, as models/recipes/prepare holds them out. Embeds them with
`fwoc-agent embed`, makes a gallery of each (`gallery import`), and prints the `calibration:` section of a bundle from `gallery calibrate --dry-run --json`:
faces from the pictures, voice and both from the readers. Needs ffmpeg for `edge`.

Then every other person is calibrated on and the rest are strangers, and the other way round: of all strangers' samples, the share whose best match would
be published with an estimate of at most 0.5, 0.2 … 0.01. An estimate is honest where no share is above it. The score of a match is computed here a second
time, from its definition (numpy) and the scales of the bundle's bundle.yaml, so that the two check each other. --without leaves people of the pictures out of
this part. --work keeps the embeddings for the next time. --svg draws, as `gallery calibrate --svg`, what was estimated against what is true of people whom
the fit did not see: faces.svg from the pictures, readers.svg from the readers.
"""

import argparse
import base64
import json
import math
import os
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

PACKAGE = Path(__file__).resolve().parents[1]
PICTURES = {"reference": ("celeba", "faces-celeba", 1), "edge": ("lfw", "faces-lfw-train", 4)}
HALF_WEIGHT, FULL_QUALITY = 1.5, 3
LEVELS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)


def spread(items, most):
    return items if len(items) <= most else [items[i * len(items) // most] for i in range(most)]


def scales(bundle):
    """(impostor, genuine, weight) of faces and voices, of the bundle's `fusion:`."""
    text = (PACKAGE / f"models/{bundle}/bundle.yaml").read_text()
    found = {name: tuple(map(float, numbers)) for name, *numbers in re.findall(r"(face|voice): \{impostor: ([0-9.]+), genuine: ([0-9.]+), weight: ([0-9.]+)\}", text)}
    return found["face"], found["voice"]


def looped(work, clip):
    """A clip's sound three times in a row."""
    clip = Path(clip)
    target = work / "sounds" / clip.parent.name / clip.with_suffix(".wav").name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["ffmpeg", "-v", "error", "-stream_loop", "2", "-i", clip, "-vn", "-ac", "1", "-ar", "16000", target], check=True)
    return str(target)


def archive(agent, bundle, work, name, pattern, role, most, each=1):
    """Everybody (every `each`th, from the last of them on) below work/name as `gallery export` would write them."""
    lines = work / f"{bundle}-{name}.jsonl"
    if not lines.exists():
        with tarfile.open(Path(os.environ["FWOC_SHARED_DATA"]) / f"{pattern[0]}.tar.gz") as tar:
            tar.extractall(work, filter="data")
        files = [str(file) for person in sorted((work / name).iterdir())[each - 1::each] for file in spread(sorted(person.glob(pattern[1])), most)]
        # Lips of 1.2 s credit no speech to a face with `edge`: the voice is all of a clip's sound there, three times in a row.
        parts = [(role, files)] if role != "both" or bundle == "reference" else [("face", files), ("voice", [looped(work, file) for file in files])]
        with open(work / "part", "w") as out:
            for own, some in parts:
                for start in range(0, len(some), 500):
                    subprocess.run([agent, "embed", *some[start:start + 500], "--role", own, "--face", "largest", "--json", "--bundle", bundle], stdout=out, cwd=PACKAGE)
        (work / "part").rename(lines)
    people, encoders = {}, {}
    for line in open(lines):
        entry = json.loads(line)
        for modality, found in [("face", entry.get("face")), ("voice", entry.get("voice"))] if entry["role"] == "both" else [(entry["role"], entry)]:
            if not found or "embedding" not in found:
                continue
            vector = np.array(found["embedding"])
            vector = vector / np.linalg.norm(vector)
            encoders[modality] = {"fingerprint": found["encoder"], "dimension": len(vector)}
            people.setdefault(Path(entry["file"]).parent.name, []).append({
                "modality": modality, "embedding": base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode(), "quality": found["quality"],
                "origin": Path(entry["file"]).name, "enrolled": "2026-01-01T00:00:00.000Z"})
    return {
        "schema": "fwoc.gallery/1", "exported": "2026-01-01T00:00:00.000Z", "revision": 1, "encoders": encoders,
        "people": [{"id": f"p_{number:08x}", "name": name, "created": "2026-01-01T00:00:00.000Z", "templates": templates}
                   for number, (name, templates) in enumerate(people.items())]}


def calibrate(agent, bundle, gallery, rate, svg=None):
    """What `gallery calibrate --json` says of a gallery, by modality; its picture in the file svg."""
    with tempfile.TemporaryDirectory() as folder:
        file, database = Path(folder) / "gallery.json", Path(folder) / "gallery.sqlite"
        file.write_text(json.dumps(gallery))
        subprocess.run([agent, "gallery", "import", file, "--gallery", database], check=True, stdout=subprocess.DEVNULL, cwd=PACKAGE)
        command = [agent, "gallery", "calibrate", "--gallery", database, "--false-accept", str(rate), "--dry-run", "--json", "--bundle", bundle]
        command += ["--svg", svg] if svg else []
        run = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE)
        return {entry["modality"]: entry for entry in json.loads(run.stdout)["sets"]}


def fitted(agent, bundle, gallery, rate):
    """The same; where a rate cannot be had, by a modality whose strangers reach the end of the scale, what higher rates give."""
    found = calibrate(agent, bundle, gallery, rate)
    for higher in (0.1, 0.3, 0.9):
        if all("slope" in entry or not entry["templates"] for entry in found.values()):
            break
        found = {name: entry if "slope" in entry else again for (name, entry), again in zip(found.items(), calibrate(agent, bundle, gallery, higher).values())}
    return found


def up(value):
    """Two significant digits, rounded up."""
    power = 10 ** (1 - math.floor(math.log10(value)))
    return f"{math.ceil(value * power - 1e-9) / power:.2g}"


def section(face, voice, both):
    lines = ["  calibration:"]
    for name, own in (("face", face), ("voice", voice), ("both", both)):
        if "slope" not in own:
            lines.append(f"    # {name}: {own['reasons'][0]}")
            continue
        seen = ", ".join(f"{step['score']:.2f}: {up(step['bound'])}" for step in own["seen"] if step["score"] <= 1.005)
        lines += [f"    {name}:", f"      slope: {own['slope']:.4g}", f"      offset: {own['offset']:.4g}", f"      impostors: {own['impostors']}",
                  f"      seen: {{{seen}}}"]
    return "\n".join(lines)


def vectors(person, modality):
    own = [t for t in person["templates"] if t["modality"] == modality]
    embeddings = [np.frombuffer(base64.b64decode(t["embedding"]), "<f4") for t in own]
    return np.array(embeddings).reshape(len(own), -1 if own else 1), np.array([t["quality"] for t in own])


def cosine(probes, templates):
    """The mean of the two highest."""
    ordered = np.sort(probes @ templates.T, axis=1)[:, ::-1]
    return ordered[:, :2].mean(axis=1)


def best(stranger, gallery, modality, face, voice):
    """The highest fused score of each of a stranger's samples."""
    (faces, face_quality), (voices, voice_quality) = vectors(stranger, "face"), vectors(stranger, "voice")
    count = {"face": len(faces), "voice": len(voices)}.get(modality, min(len(faces), len(voices)))
    if count == 0:
        return []
    pick = lambda items: items[[i * len(items) // count for i in range(count)]]
    rows = []
    for person in gallery:
        known_faces, known_voices = vectors(person, "face")[0], vectors(person, "voice")[0]
        if modality != "voice" and not len(known_faces) or modality != "face" and not len(known_voices):
            continue
        total, weight = 0, 0
        if modality != "voice":
            w = face[2] * np.maximum(pick(face_quality), 0.05)
            total, weight = total + w * (cosine(pick(faces), known_faces) - face[0]) / (face[1] - face[0]), weight + w
        if modality != "face":
            seconds = np.maximum(FULL_QUALITY * pick(voice_quality), 0.1)
            w = voice[2] * seconds / (seconds + HALF_WEIGHT)
            total, weight = total + w * (cosine(pick(voices), known_voices) - voice[0]) / (voice[1] - voice[0]), weight + w
        rows.append(np.clip(total / weight, 0, 1))
    return list(np.max(rows, axis=0))


def strangers(agent, bundle, name, gallery, rate):
    for first in (0, 1):
        known, unknown = gallery["people"][first::2], gallery["people"][1 - first::2]
        for modality, own in fitted(agent, bundle, dict(gallery, people=known), rate).items():
            if own["reasons"]:
                continue
            scores = np.array([score for person in unknown for score in best(person, known, modality.replace("face and voice", "both"), *scales(bundle))])
            bound = np.ones(len(scores))
            for step in own["seen"]:
                bound[scores >= step["score"] - 1e-6] = step["bound"]
            estimates = np.minimum(1, bound * own["people"])
            shares = "  ".join(f"{(estimates <= level).mean():.4f}" for level in LEVELS)
            accepted = int((scores >= own["threshold"] - 1e-6).sum())
            print(f"{name:7} {modality:15} {own['people']:6} {own['threshold']:9.2f} {len(scores):9} {accepted:8}   {shares}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", default=str(PACKAGE / ".build/release/fwoc-agent"))
    parser.add_argument("--bundle", default="reference", choices=sorted(PICTURES))
    parser.add_argument("--work", type=Path)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--without", default="", help="people of the pictures, with commas")
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    for variable in ("FWOC_SHARED_DATA", "FWOC_REFERENCE_MODELS"):
        if variable not in os.environ:
            sys.exit(f"{variable} is not set; expected the folder of the public data and models")
    agent = str(Path(options.agent).resolve())
    with tempfile.TemporaryDirectory() as scratch:
        work = (options.work or Path(scratch)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        bundle = options.bundle
        name, pictures, each = PICTURES[bundle]
        news = archive(agent, bundle, work, "news", ("clips-news", "*.mp4"), "both", 32)
        faces = archive(agent, bundle, work, name, (pictures, "*"), "face", 12, each)
        print(section(fitted(agent, bundle, faces, options.rate)["face"], *map(fitted(agent, bundle, news, options.rate).get, ("voice", "face and voice"))))
        if options.svg:
            options.svg.mkdir(parents=True, exist_ok=True)
            for file, gallery in (("faces", faces), ("readers", news)):
                calibrate(agent, bundle, gallery, options.rate, str((options.svg / f"{file}.svg").resolve()))
        print(f"\n{'':7} {'by':15} {'people':>6} {'threshold':>9} {'strangers':>9} {'accepted':>8}   estimate at most " + ", ".join(map(str, LEVELS)))
        strangers(agent, bundle, "news", news, options.rate)
        left = options.without.split(",")
        faces["people"] = [person for person in faces["people"] if person["name"] not in left]
        strangers(agent, bundle, name, faces, options.rate)


if __name__ == "__main__":
    main()
