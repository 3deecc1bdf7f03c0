"""Score calibration on public data: what the reference bundle's `matching.calibration` holds, and whether it is honest on people it did not see.

    FWOC_SHARED_DATA=DIR FWOC_REFERENCE_MODELS=DIR python3 calibration.py [--agent .build/release/fwoc-agent] [--work FOLDER] [--rate 0.02] [--without N,N]

Unpacks clips-news.tar.gz (23 readers, at most 32 clips each) and faces-celeba.tar.gz (298 people, at most 12 pictures each), embeds them with
`fwoc-agent embed`, makes a gallery of each (`gallery import`), and prints the `calibration:` section of a bundle from `gallery calibrate --dry-run --json`:
faces from CelebA, voice and both from the readers.

Then every other person is calibrated on and the rest are strangers, and the other way round: of all strangers' samples, the share whose best match would
be published with an estimate of at most 0.5, 0.2 … 0.01. An estimate is honest where no share is above it. The score of a match is computed here a second
time, from its definition (numpy), so that the two check each other. --without leaves people of CelebA out of this
part. --work keeps the embeddings for the next time.
"""

import argparse
import base64
import json
import math
import os
import struct
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

PACKAGE = Path(__file__).resolve().parents[1]
# fusion: of models/reference/bundle.yaml
FACE, VOICE, HALF_WEIGHT, FULL_QUALITY = (0.12, 0.7, 60), (0.16, 0.55, 9), 1.5, 3
LEVELS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)


def spread(items, most):
    return items if len(items) <= most else [items[i * len(items) // most] for i in range(most)]


def archive(agent, work, name, pattern, role, most):
    """Everybody below work/name as `gallery export` would write them."""
    lines = work / f"{name}.jsonl"
    if not lines.exists():
        with tarfile.open(Path(os.environ["FWOC_SHARED_DATA"]) / f"{pattern[0]}.tar.gz") as tar:
            tar.extractall(work, filter="data")
        files = [str(file) for person in sorted((work / name).iterdir()) for file in spread(sorted(person.glob(pattern[1])), most)]
        with open(work / "part", "w") as out:
            for start in range(0, len(files), 500):
                subprocess.run([agent, "embed", *files[start:start + 500], "--role", role, "--face", "largest", "--json"], stdout=out, cwd=PACKAGE)
        (work / "part").rename(lines)
    people, encoders = {}, {}
    for line in open(lines):
        entry = json.loads(line)
        for modality, found in [("face", entry.get("face")), ("voice", entry.get("voice"))] if role == "both" else [(role, entry)]:
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


def calibrate(agent, gallery, rate):
    """What `gallery calibrate --json` says of a gallery, by modality."""
    with tempfile.TemporaryDirectory() as folder:
        file, database = Path(folder) / "gallery.json", Path(folder) / "gallery.sqlite"
        file.write_text(json.dumps(gallery))
        subprocess.run([agent, "gallery", "import", file, "--gallery", database], check=True, stdout=subprocess.DEVNULL, cwd=PACKAGE)
        command = [agent, "gallery", "calibrate", "--gallery", database, "--false-accept", str(rate), "--dry-run", "--json"]
        run = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE)
        return {entry["modality"]: entry for entry in json.loads(run.stdout)["sets"]}


def up(value):
    """Two significant digits, rounded up."""
    power = 10 ** (1 - math.floor(math.log10(value)))
    return f"{math.ceil(value * power - 1e-9) / power:.2g}"


def section(face, voice, both):
    lines = ["  calibration:"]
    for name, fitted in (("face", face), ("voice", voice), ("both", both)):
        seen = ", ".join(f"{step['score']:.2f}: {up(step['bound'])}" for step in fitted["seen"])
        lines += [f"    {name}:", f"      slope: {fitted['slope']:.4g}", f"      offset: {fitted['offset']:.4g}", f"      impostors: {fitted['impostors']}",
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


def best(stranger, gallery, modality):
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
            w = FACE[2] * np.maximum(pick(face_quality), 0.05)
            total, weight = total + w * (cosine(pick(faces), known_faces) - FACE[0]) / (FACE[1] - FACE[0]), weight + w
        if modality != "face":
            seconds = np.maximum(FULL_QUALITY * pick(voice_quality), 0.1)
            w = VOICE[2] * seconds / (seconds + HALF_WEIGHT)
            total, weight = total + w * (cosine(pick(voices), known_voices) - VOICE[0]) / (VOICE[1] - VOICE[0]), weight + w
        rows.append(np.clip(total / weight, 0, 1))
    return list(np.max(rows, axis=0))


def strangers(agent, name, gallery, rate):
    for first in (0, 1):
        known, unknown = gallery["people"][first::2], gallery["people"][1 - first::2]
        for modality, fitted in calibrate(agent, dict(gallery, people=known), rate).items():
            if fitted["reasons"]:
                continue
            scores = np.array([score for person in unknown for score in best(person, known, modality.replace("face and voice", "both"))])
            bound = np.ones(len(scores))
            for step in fitted["seen"]:
                bound[scores >= step["score"] - 1e-6] = step["bound"]
            estimates = np.minimum(1, bound * fitted["people"])
            shares = "  ".join(f"{(estimates <= level).mean():.4f}" for level in LEVELS)
            accepted = int((scores >= fitted["threshold"] - 1e-6).sum())
            print(f"{name:7} {modality:15} {fitted['people']:6} {fitted['threshold']:9.2f} {len(scores):9} {accepted:8}   {shares}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", default=str(PACKAGE / ".build/release/fwoc-agent"))
    parser.add_argument("--work", type=Path)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--without", default="", help="numbers of CelebA's people, with commas")
    options = parser.parse_args()
    for variable in ("FWOC_SHARED_DATA", "FWOC_REFERENCE_MODELS"):
        if variable not in os.environ:
            sys.exit(f"{variable} is not set; expected the folder of the public data and models")
    agent = str(Path(options.agent).resolve())
    with tempfile.TemporaryDirectory() as scratch:
        work = (options.work or Path(scratch)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        news = archive(agent, work, "news", ("clips-news", "*.mp4"), "both", 32)
        celeba = archive(agent, work, "celeba", ("faces-celeba", "*"), "face", 12)
        readers = calibrate(agent, news, options.rate)
        print(section(calibrate(agent, celeba, options.rate)["face"], readers["voice"], readers["face and voice"]))
        print(f"\n{'':7} {'by':15} {'people':>6} {'threshold':>9} {'strangers':>9} {'accepted':>8}   estimate at most " + ", ".join(map(str, LEVELS)))
        strangers(agent, "news", news, options.rate)
        left = options.without.split(",")
        celeba["people"] = [person for person in celeba["people"] if person["name"] not in left]
        strangers(agent, "celeba", celeba, options.rate)


main()
