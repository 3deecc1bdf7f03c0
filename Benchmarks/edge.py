"""The bundle `edge` beside the bundle `reference`, on the same trials of people whom the networks of `edge` did not learn from.

    FWOC_SHARED_DATA=DIR FWOC_REFERENCE_MODELS=DIR python3 edge.py [--work FOLDER] [--only faces,voices,slices,matching] [--json FILE]

Everything goes through `fwoc-agent embed`: finding, alignment, voice activity and encoding are measured together. A file that an agent embeds nothing from is
counted; scores are compared on the trials that every bundle has an answer to. Intervals are of 95 %, by drawing people (speakers; pictures in `slices`)
anew 300 times. Embeddings are kept in --work by what bundle.yaml says of the networks that take part, so that only changed networks embed again;
empty it after a change of the agent.

faces     Labeled Faces in the Wild: every fourth person of faces-lfw-train.tar.gz, and the pairs that models/recipes/prepare draws of them (2,108). Once
          as they are and once blurred: a face is about 94 of the 160 pixels wide (92 to 98, by the reference's detector), so the picture is shrunk to
          34 × 34, where a face has 20, and enlarged again. Accuracy: the threshold is the best on nine tenths of the pairs, and counted is the tenth;
          the same people may be in both.
voices    Every fifth speaker of voices.tar.gz and all of the interviews, as models/recipes/prepare holds them out; at most 40 of a set. 3 s that are mostly
          speech, the first half of them (twice in a row: the agent takes no recording with less than 2 s of speech), and 3 s with noise 5 dB below speech
          (noise-esc10.tar.gz, the recordings of fold 4). Different speakers are compared within a set. Pairs of one speaker are of different sessions
          where there are several, else of different files, else of two places of one file, which share the channel: such numbers flatter. Every
          speaker's own pairs weigh the same together. `readings` are of two places of one file. The interviews are of people whose names are VoxCeleb's,
          which the reference's voice encoder learnt from, and not all that is heard in them is the one whom they are named after.
slices    UTKFace (faces-utk.tar.gz), whose files' names say age, sex and group. `edge` was trained on these pictures; nobody is named, so nothing can be
          said about misses, and two pictures may by chance be of one person. Share of pictures with a face, and false accepts between different pictures
          of one slice at the threshold that lets 1 % of all pairs through. Of LFW there are no labels. Voices by sex: RAVDESS and the Urdu recordings,
          held-out speakers only.
matching  What `matching` of a bundle.yaml needs, from clips-news.tar.gz (23 readers, of whom no face or voice encoder learnt): a clip of 1.2 s against five of
          a person, the mean of the two highest cosines, five drawn 20 times. A clip's voice is all of its sound, three times in a row.
          genuine     face: half way from the readers, who sit in one studio, to LFW's pairs, or so far that one impostor in 10,000 reaches 0.8;
                      voice: that of the readings, 3 s; the readers' own mean, or what one impostor in 1,000 reaches where that is higher, where one in 1,000 is above it
          weight      d′², by the lower of the readers' own mean and `genuine`
          thresholds  of face and both: the fused score that one impostor in 10,000 reaches, and 0.04; of voice: that three in 1,000 reach; where that is
                      the end of the scale, of one in 1,000 or 100
          agreement   three deviations above impostors, or two and a half below genuine where that is lower: one reader's clip against another, for
                      faces also LFW's pictures, and of both sets the impostors that are more alike, the genuine that are less
          Of the reference these rules make thresholds of 0.59, 0.65 and 0.54, where its bundle.yaml has 0.6, 0.75 and 0.56.

Run it with `nice` on a machine that does other work. Needs numpy, and ffmpeg for blurring and for cutting sound.
"""

import argparse
import base64
import collections
import hashlib
import itertools
import json
import math
import os
import random
import re
import subprocess
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path

import numpy as np

PACKAGE = Path(__file__).resolve().parents[1]
SECTIONS = ["faces", "voices", "slices", "matching"]
# The networks that have a part in an embedding.
ROLES = {
    "picture": ["face-detector", "face-encoder"],
    "clip": ["face-detector", "face-landmarks", "face-encoder"],
    "sound": ["voice-activity", "voice-encoder"],
}
RATE = 16000
BLURRED_SIDE = 34
SPEAKERS, FILES, STRETCH, SIGNAL_TO_NOISE = 40, 8, 3.0, 5.0
SLICED_PICTURES, AGES = 1500, [(0, 12), (13, 19), (20, 39), (40, 59), (60, 120)]
READER_CLIPS, TEMPLATES, DRAWS = 10, 5, 20
HALF_WEIGHT = 1.5
VOICE_GROUPS = {"all": ["accent", "librispeech", "interview"], "readings": ["accent", "librispeech"], "interview": ["interview"]}
RESAMPLES = 300


def spread(items, most):
    return items if len(items) <= most else [items[i * len(items) // most] for i in range(most)]


# Embeddings


class Agent:
    """`fwoc-agent embed`, and what it said before."""

    def __init__(self, program, work):
        self.program, self.work, self.known = str(Path(program).resolve()), work, {}
        if not Path(self.program).is_file():
            sys.exit(f"{program}: no such program; build it with `swift build -c release` or name it with --agent")

    def fingerprint(self, bundle, kind):
        """Of the roles' sections in bundle.yaml, which hold the files' digests; the agent tests that the files have them."""
        folder = PACKAGE / "models" / bundle
        text = ((folder if folder.is_dir() else Path(bundle)) / "bundle.yaml").read_text()
        sections = re.findall(r"^  ([a-z-]+):\n((?:    .*\n|\n)*)", text.split("\nroles:\n")[1].split("\nmatching:")[0] + "\n", re.M)
        return hashlib.sha256("".join(name + body for name, body in sections if name in ROLES[kind]).encode()).hexdigest()[:12]

    def embed(self, bundle, kind, files):
        """By file (relative to the working folder): a vector of unit length and its quality, or None and why there is none."""
        cache = self.work / "embeddings" / f"{bundle.replace('/', '_')}-{kind}-{self.fingerprint(bundle, kind)}.jsonl"
        cache.parent.mkdir(exist_ok=True)
        if cache not in self.known:
            lines = map(json.loads, cache.read_text().splitlines()) if cache.exists() else []
            self.known[cache] = {line["file"]: self.read(line) for line in lines}
        known = self.known[cache]
        missing = [file for file in dict.fromkeys(files) if file not in known]
        for start in range(0, len(missing), 100):
            part = missing[start:start + 100]
            print(f"{bundle}: {kind} {start} of {len(missing)}", file=sys.stderr, flush=True)
            role = "voice" if kind == "sound" else "face"
            command = [self.program, "embed", *[str(self.work / file) for file in part], "--role", role, "--face", "largest", "--bundle", bundle, "--json"]
            run = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE)
            if run.returncode:
                sys.exit(f"fwoc-agent embed --bundle {bundle}: exit code {run.returncode}: {run.stderr.strip()[-400:]}")
            with open(cache, "a") as out:
                for file, entry in zip(part, map(json.loads, run.stdout.splitlines()), strict=True):
                    line = {"file": file}
                    if "embedding" in entry:
                        line |= {"vector": base64.b64encode(np.array(entry["embedding"], "<f4").tobytes()).decode(), "quality": entry["quality"]}
                    else:
                        line["cause"] = entry["cause"]
                    print(json.dumps(line), file=out)
                    known[file] = self.read(line)
        return {file: known[file] for file in files}

    @staticmethod
    def read(line):
        if "vector" not in line:
            return None, line["cause"]
        vector = np.frombuffer(base64.b64decode(line["vector"]), "<f4")
        return vector / np.linalg.norm(vector), line["quality"]


def unpack(work, archive, prefix, choose):
    """Those of an archive's files that `choose` picks of its names, below work/prefix; their names below prefix."""
    with tarfile.open(Path(os.environ["FWOC_SHARED_DATA"]) / f"{archive}.tar.gz") as tar:
        members = {member.name.removeprefix("./"): member for member in tar if member.isfile()}
        chosen = choose(sorted(members))
        folder = work / prefix
        missing = [members[name] for name in sorted(chosen, key=lambda name: members[name].offset) if not (folder / name).exists()]
        if missing:
            tar.extractall(folder, members=missing, filter="data")
    return [f"{prefix}/{name}" if prefix else name for name in chosen]


# Trials


def rates(scores, same, weights):
    """AUC and equal error rate of trials in ascending order."""
    genuine, impostor = weights * same, weights * ~same
    if genuine.sum() == 0 or impostor.sum() == 0:
        return math.nan, math.nan
    below = np.cumsum(impostor)
    rejected, accepted = np.cumsum(genuine) / genuine.sum(), 1 - below / below[-1]
    at = int(np.argmin(np.abs(rejected - accepted)))
    return float((genuine * below).sum() / genuine.sum() / below[-1]), float(rejected[at] + accepted[at]) / 2


def interval(values):
    return [float(value) for value in np.nanquantile(values, [0.025, 0.975])]


def drawn(people):
    """How often each of so many people is drawn, in every resample."""
    rng = np.random.default_rng(1)
    return rng.multinomial(people, np.full(people, 1 / people), size=RESAMPLES).astype(float)


def verification(scores, same, first, second, accuracy=False, base=None):
    """Figures of trials between people first[i] and second[i], with intervals. A pair weighs as often as both were drawn, times its own weight in `base`."""
    base = np.ones(len(scores)) if base is None else base
    people = {name: number for number, name in enumerate(sorted({*first, *second}))}
    a, b = np.array([people[name] for name in first]), np.array([people[name] for name in second])
    order = np.argsort(scores, kind="stable")
    resamples = drawn(len(people))
    weights = [base * np.where(same, times[a], times[a] * times[b]) for times in resamples]
    auc, eer = rates(scores[order], same[order], base[order])
    again = np.array([rates(scores[order], same[order], weight[order]) for weight in weights])
    figures = {"same": int(same.sum()), "different": int((~same).sum()), "people": len(people), "auc": auc, "auc_interval": interval(again[:, 0]),
               "eer": eer, "eer_interval": interval(again[:, 1])}
    for name, own in (("same", same), ("different", ~same)):
        mean = np.average(scores[own], weights=base[own])
        figures |= {f"{name}_mean": float(mean), f"{name}_deviation": math.sqrt(np.average((scores[own] - mean) ** 2, weights=base[own]))}
    if accuracy:
        right = np.zeros(len(scores), bool)
        for fold in range(10):
            held = np.arange(len(scores)) % 10 == fold
            right[held] = (scores[held] >= best_threshold(scores[~held], same[~held])) == same[held]
        figures |= {"accuracy": float(right.mean()), "accuracy_interval": interval([(right * weight).sum() / weight.sum() for weight in weights])}
    return figures


def best_threshold(scores, same):
    order = np.argsort(scores)
    ordered, genuine = scores[order], same[order]
    errors = np.cumsum(genuine) + (~genuine).sum() - np.cumsum(~genuine)
    at = int(np.argmin(errors))
    return (ordered[at] + ordered[min(at + 1, len(ordered) - 1)]) / 2


def percent(value, bounds, digits=2):
    return f"{100 * value:.{digits}f} ({100 * bounds[0]:.{digits}f}–{100 * bounds[1]:.{digits}f})"


def table(header, rows):
    widths = [max(len(str(row[column])) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        cells = [str(cell).ljust(width) if column < 2 else str(cell).rjust(width) for column, (cell, width) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())
    print()


def answers(agent, bundles, kind, files):
    """What each bundle embeds, why it does not, and the files that all of them do."""
    found = {bundle: agent.embed(bundle, kind, files) for bundle in bundles}
    causes = {bundle: collections.Counter(quality for vector, quality in entries.values() if vector is None) for bundle, entries in found.items()}
    common = {file for file in files if all(entries[file][0] is not None for entries in found.values())}
    return found, causes, common


def trials(found, pairs):
    """Scores of pairs (a, b)."""
    return np.array([float(found[a][0] @ found[b][0]) for a, b in pairs])


# Faces


def person_of(file):
    return Path(file).parent.name


def held_out_pairs(work):
    """LFW's people held out and their pairs, as models/recipes/prepare makes both: [(a, b, same)]."""
    held = []

    def choose(names):
        people = sorted({person_of(name) for name in names})
        held.extend(people[3::4])
        return [name for name in names if person_of(name) in set(held)]

    files = {}
    for file in unpack(work, "faces-lfw-train", "", choose):
        files.setdefault(person_of(file), []).append(file)
    chance = random.Random(1)
    same = []
    for _, own in sorted(files.items()):
        own = list(itertools.combinations(own, 2))
        same += chance.sample(own, min(10, len(own)))
    people = sorted(files)
    different = set()
    while len(different) < len(same):
        a, b = chance.sample(people, 2)
        different.add((chance.choice(files[a]), chance.choice(files[b])))
    return [(a, b, True) for a, b in same] + [(a, b, False) for a, b in sorted(different)]


def blurred(work, files):
    """The same pictures with faces of 20 pixels, enlarged again."""
    results = {file: f"lfw-{BLURRED_SIDE}/{Path(file).relative_to('lfw').with_suffix('.png')}" for file in files}
    missing = [file for file in files if not (work / results[file]).exists()]
    if not missing:
        return results
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        for number, file in enumerate(missing):
            (Path(scratch) / f"{number:06}.webp").symlink_to(work / file)
        scale = f"scale={BLURRED_SIDE}:{BLURRED_SIDE}:flags=area,scale=160:160:flags=bicubic"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "image2", "-start_number", "0", "-i", f"{scratch}/%06d.webp", "-vf", scale, "-start_number", "0",
                        f"{scratch}/%06d.png"], check=True)
        for number, file in enumerate(missing):
            (work / results[file]).parent.mkdir(parents=True, exist_ok=True)
            (Path(scratch) / f"{number:06}.png").rename(work / results[file])
    return results


def face_trials(agent, bundles, is_blurred):
    pairs = held_out_pairs(agent.work)
    files = sorted({file for a, b, _ in pairs for file in (a, b)})
    if is_blurred:
        names = blurred(agent.work, files)
        pairs, files = [(names[a], names[b], same) for a, b, same in pairs], list(names.values())
    found, causes, common = answers(agent, bundles, "picture", files)
    kept = [pair for pair in pairs if pair[0] in common and pair[1] in common]
    same, first, second = np.array([pair[2] for pair in kept]), [person_of(pair[0]) for pair in kept], [person_of(pair[1]) for pair in kept]
    figures = {}
    for bundle in bundles:
        lacking = sum(found[bundle][a][0] is None or found[bundle][b][0] is None for a, b, _ in pairs)
        scores = trials(found[bundle], [pair[:2] for pair in kept])
        figures[bundle] = {"pictures": len(files), "without": dict(causes[bundle]), "pairs_without": lacking,
                           "pairs_left_out": len(pairs) - len(kept)} | verification(scores, same, first, second, accuracy=True)
    return figures


def faces(agent, bundles):
    figures = {"clean": face_trials(agent, bundles, False), "20 px": face_trials(agent, bundles, True)}
    any_row = figures["clean"][bundles[0]]
    print(f"FACES: LFW, {any_row['people']} people held out, {any_row['pictures']} pictures")
    table(["pictures", "bundle", "no face", "pairs without", "compared", "AUC %", "EER %", "accuracy %", "same", "different"],
          [[name, bundle, sum(row["without"].values()), row["pairs_without"], row["same"] + row["different"], percent(row["auc"], row["auc_interval"]),
            percent(row["eer"], row["eer_interval"]), percent(row["accuracy"], row["accuracy_interval"], 1),
            f"{row['same_mean']:.2f} ± {row['same_deviation']:.2f}", f"{row['different_mean']:.2f} ± {row['different_deviation']:.2f}"]
           for name, rows in figures.items() for bundle, row in rows.items()])
    return figures


# Voices


def decode(file):
    run = subprocess.run(["ffmpeg", "-v", "error", "-i", file, "-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"], check=True, capture_output=True)
    return np.frombuffer(run.stdout, "<i2").astype(float)


def write_sound(file, samples):
    """Written beside and renamed, so that what is there is whole."""
    data = np.clip(np.round(samples), -32768, 32767).astype("<i2").tobytes()
    header = b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt " + b"".join(
        value.to_bytes(size, "little") for value, size in [(16, 4), (1, 2), (1, 2), (RATE, 4), (2 * RATE, 4), (2, 2), (16, 2)])
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".part")
    beside.write_bytes(header + b"data" + len(data).to_bytes(4, "little") + data)
    beside.rename(file)


def loud_starts(samples, seconds, step=0.25):
    """Where stretches could start, in seconds, and how much of each is not a pause: within 30 dB of the loudest."""
    frame = RATE // 50
    power = (samples[:len(samples) // frame * frame].reshape(-1, frame) ** 2).mean(axis=1) + 1
    loud = np.concatenate([[0], np.cumsum(10 * np.log10(power) > 10 * np.log10(np.quantile(power, 0.95)) - 30)])
    length = round(seconds * 50)
    starts = np.arange(0, (len(loud) - 1 - length) / 50 + 1e-9, step)
    return [(float(start), float(loud[round(start * 50) + length] - loud[round(start * 50)]) / length) for start in starts]


def speaker_of(file):
    """`set/speaker` of voices/set/speaker/file."""
    return "/".join(Path(file).parts[1:3])


def held_out_voices(work):
    """Files of the speakers held out, by `set/speaker`, as models/recipes/prepare holds them out."""

    def choose(names):
        speakers = collections.defaultdict(set)
        for name in names:
            speakers[name.split("/")[0]].add(name.split("/")[1])
        held = {(group, speaker) for group, own in speakers.items() for number, speaker in enumerate(sorted(own), 1) if group == "interview" or number % 5 == 0}
        return [name for name in names if tuple(name.split("/")[:2]) in held]

    files = {}
    for file in unpack(work, "voices", "voices", choose):
        files.setdefault(speaker_of(file), []).append(file)
    return files


def stretches(work):
    """Stretches of the speakers held out: {condition: [file]}, the same places in every condition; below work/cut-CONDITION."""
    by_set = collections.defaultdict(list)
    for speaker, files in sorted(held_out_voices(work).items()):
        by_set[speaker.split("/")[0]].append((speaker, files))
    noises = unpack(work, "noise-esc10", "", lambda names: [name for name in names if Path(name).name.startswith("4-")])
    results = {"3 s": [], "1.5 s": [], "3 s, 5 dB": []}
    for group in VOICE_GROUPS["all"]:
        for speaker, files in spread(by_set[group], SPEAKERS):
            for file in spread(files, FILES):
                listed = work / "places" / f"{file}.json"
                if not listed.exists():
                    cut(work, file, len(files) == 1, listed, noises)
                for name in json.loads(listed.read_text()):
                    for condition in results:
                        results[condition].append(f"cut-{condition.replace(' ', '').replace(',', '-')}/{name}")
    return results


def cut(work, file, is_only, listed, noises):
    """Cuts the best stretch of a file, or the first and the last good one where the speaker has no other file."""
    samples = decode(work / file)
    places = loud_starts(samples, STRETCH)
    best = max((share for _, share in places), default=0)
    good = [start for start, share in places if share >= best - 0.1]
    if is_only and (not good or good[-1] - good[0] < STRETCH):
        good = []
    chosen = [good[0], good[-1]] if is_only and good else [start for start, share in places if share == best][:1]
    names = []
    for start in chosen:
        name = f"{Path(file).relative_to('voices').with_suffix('')}@{start:.2f}.wav"
        own = samples[round(start * RATE):round((start + STRETCH) * RATE)]
        noise = loudest(decode(work / noises[zlib.crc32(name.encode()) % len(noises)]), len(own))
        gain = math.sqrt((own ** 2).mean() / max((noise ** 2).mean(), 1) / 10 ** (SIGNAL_TO_NOISE / 10))
        mixed = own + gain * noise
        write_sound(work / "cut-3s" / name, own)
        write_sound(work / "cut-1.5s" / name, np.tile(own[:len(own) // 2], 2))
        write_sound(work / "cut-3s-5dB" / name, mixed * min(1, 32000 / np.abs(mixed).max()))
        names.append(name)
    listed.parent.mkdir(parents=True, exist_ok=True)
    listed.write_text(json.dumps(names))


def loudest(samples, length):
    """So much of a recording as is loudest; ESC-10's are filled up with silence."""
    samples = np.tile(samples, math.ceil(length / max(len(samples), 1)))
    energy = np.concatenate([[0], np.cumsum(samples ** 2)])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return samples[start:start + length]


def same_voice_pairs(files):
    """Pairs of one speaker that differ as much as they can: by session, file, or place."""
    session = lambda file: Path(file).name.split("_test_")[0] if "_test_" in file else ""
    source = lambda file: Path(file).name.split("@")[0]
    pairs = list(itertools.combinations(files, 2))
    for different in (session, source):
        apart = [(a, b) for a, b in pairs if different(a) != different(b)]
        if apart:
            return apart
    return pairs


def voice_pairs(files):
    """Everybody's own pairs, and all pairs of different speakers of one set: [(a, b, same)]."""
    speakers = collections.defaultdict(list)
    for file in files:
        speakers[speaker_of(file)].append(file)
    own = [(a, b, True) for files in speakers.values() for a, b in same_voice_pairs(files)]
    others = [(a, b, False) for s, t in itertools.combinations(sorted(speakers), 2) if s.split("/")[0] == t.split("/")[0]
              for a in speakers[s] for b in speakers[t]]
    return own + others


def voice_figures(found, pairs):
    """Each speaker's own pairs weigh the same together."""
    own = collections.Counter(speaker_of(a) for a, _, same in pairs if same)
    base = np.array([1 / own[speaker_of(a)] if same else 1 for a, _, same in pairs])
    first, second, same = zip(*pairs)
    return verification(trials(found, zip(first, second)), np.array(same), list(map(speaker_of, first)), list(map(speaker_of, second)), base=base)


def voices(agent, bundles):
    figures = {}
    for condition, files in stretches(agent.work).items():
        found, causes, common = answers(agent, bundles, "sound", files)
        pairs = voice_pairs([file for file in files if file in common])
        for group, sets in VOICE_GROUPS.items():
            belongs = lambda file: speaker_of(file).split("/")[0] in sets
            own, count = [pair for pair in pairs if belongs(pair[0])], sum(map(belongs, files))
            for bundle in bundles:
                without = sum(found[bundle][file][0] is None for file in files if belongs(file))
                figures.setdefault(f"{condition}, {group}", {})[bundle] = {"stretches": count, "without": without} | voice_figures(found[bundle], own)
    print(f"VOICES: speakers held out of {', '.join(VOICE_GROUPS['all'])}")
    table(["stretches", "bundle", "of them", "no voice", "speakers", "same", "different", "AUC %", "EER %", "same", "different"],
          [[name, bundle, row["stretches"], row["without"], row["people"], row["same"], row["different"], percent(row["auc"], row["auc_interval"], 1),
            percent(row["eer"], row["eer_interval"], 1), f"{row['same_mean']:.2f} ± {row['same_deviation']:.2f}",
            f"{row['different_mean']:.2f} ± {row['different_deviation']:.2f}"] for name, rows in figures.items() for bundle, row in rows.items()])
    return figures


# Slices


def slices_of(file):
    """Slices that a picture of UTKFace belongs to."""
    age, sex, group = Path(file).name.split("_")[:3]
    band = next((f"{low}–{high}" if high < 120 else f"{low} and older" for low, high in AGES if low <= int(age) <= high), None)
    return [["man", "woman"][int(sex)], ["White", "Black", "Asian", "Indian", "other"][int(group)], f"age {band}"]


def wilson(found, count):
    """Of a share, 95 %."""
    z, share = 1.96, found / count
    middle, half = share + z * z / (2 * count), z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return [(middle - half) / (1 + z * z / count), (middle + half) / (1 + z * z / count)]


def false_accepts(vectors, members):
    """The share of pairs within each slice above the threshold that 1 % of all pairs reach, with intervals: {slice: (share, interval)}."""
    scores = vectors @ vectors.T
    first, second = np.triu_indices(len(vectors), 1)
    values = scores[first, second]
    order = np.argsort(values)[::-1]
    first, second, values = first[order], second[order], values[order]

    def shares(times):
        weight = times[first] * times[second]
        reached = np.cumsum(weight)
        threshold = values[np.searchsorted(reached, 0.01 * reached[-1])]
        results = []
        for own in members.values():
            t = times[own]
            accepted = (scores[np.ix_(own, own)] >= threshold).astype(np.float32)
            np.fill_diagonal(accepted, 0)
            pairs = t.sum() ** 2 - (t ** 2).sum()
            results.append(float(t @ accepted @ t) / float(pairs) if pairs else math.nan)
        return results

    once = shares(np.ones(len(vectors), np.float32))
    again = np.array([shares(times.astype(np.float32)) for times in drawn(len(vectors))])
    return {name: (float(once[number]), interval(again[:, number])) for number, name in enumerate(members)}


def slices(agent, bundles):
    files = unpack(agent.work, "faces-utk", "", lambda names: spread(names, SLICED_PICTURES))
    found, causes, common = answers(agent, bundles, "picture", files)
    kept = [file for file in files if file in common]
    ages = [f"age {low}–{high}" if high < 120 else f"age {low} and older" for low, high in AGES]
    names = ["man", "woman", "White", "Black", "Asian", "Indian", "other", *ages]
    members = {name: np.array([number for number, file in enumerate(kept) if name in slices_of(file)], int) for name in names}
    figures = {"pictures": {"all": {}}}
    for bundle in bundles:
        accepts = {"all": (0.01, [0.01, 0.01])} | false_accepts(np.array([found[bundle][file][0] for file in kept]), members)
        for name in ["all", *names]:
            own = [file for file in files if name == "all" or name in slices_of(file)]
            with_face = sum(found[bundle][file][0] is not None for file in own)
            figures["pictures"].setdefault(name, {})[bundle] = {
                "pictures": len(own), "found": with_face / len(own), "found_interval": wilson(with_face, len(own)),
                "compared": len(kept) if name == "all" else len(members[name]), "false_accepts": accepts[name][0], "false_accepts_interval": accepts[name][1]}
    print(f"SLICES: {len(files)} pictures of UTKFace, which edge was trained on; {len(kept)} in which every bundle finds a face are compared")
    table(["slice", "bundle", "pictures", "face found %", "compared", "false accepts %"],
          [[name, bundle, row["pictures"], percent(row["found"], row["found_interval"], 1), row["compared"],
            percent(row["false_accepts"], row["false_accepts_interval"]) if name != "all" else "1 by choice"]
           for name, rows in figures["pictures"].items() for bundle, row in rows.items()])
    print("Of LFW's people there are no labels by sex, group or age: nothing is said about misses by slice.")
    figures["voices"] = voice_slices(agent, bundles)
    return figures


def voice_slices(agent, bundles):
    """Held-out speakers whose sex their names tell: RAVDESS's actors (odd numbers men) and the Urdu recordings (SM, SF)."""
    speakers = {"men": [], "women": []}
    cuts = {}
    for speaker, files in sorted(held_out_voices(agent.work).items()):
        group, name = speaker.split("/")
        if group not in ("ravdess", "urdu"):
            continue
        is_man = int(name) % 2 == 1 if group == "ravdess" else name.startswith("SM")
        speakers["men" if is_man else "women"].append(speaker)
        cuts[speaker] = []
        for file in spread(files, FILES):
            # Utterances are short: the loud part, up to 3 s, three times in a row.
            target = Path("utterances") / Path(file).relative_to("voices").with_suffix(".wav")
            if not (agent.work / target).exists():
                samples = decode(agent.work / file)
                places = loud_starts(samples, min(STRETCH, len(samples) / RATE - 0.02))
                start = max(places, key=lambda place: place[1])[0] if places else 0
                write_sound(agent.work / target, np.tile(samples[round(start * RATE):round((start + STRETCH) * RATE)], 3))
            cuts[speaker].append(str(target))
    files = [file for own in cuts.values() for file in own]
    found, causes, common = answers(agent, bundles, "sound", files)
    figures, rows = {}, []
    for sex, names in speakers.items():
        own = {name: [file for file in cuts[name] if file in common] for name in names}
        pairs = [(a, b, True) for files in own.values() for a, b in itertools.combinations(files, 2)]
        pairs += [(a, b, False) for s, t in itertools.combinations(names, 2) for a in own[s] for b in own[t]]
        for bundle in bundles:
            without = sum(found[bundle][file][0] is None for name in names for file in cuts[name])
            row = {"speakers": len(names), "utterances": sum(len(cuts[name]) for name in names), "without": without}
            if len(names) >= 3 and any(pair[2] for pair in pairs) and not all(pair[2] for pair in pairs):
                row |= voice_figures(found[bundle], pairs)
            figures.setdefault(sex, {})[bundle] = row
            eer = percent(row["eer"], row["eer_interval"], 1) if "eer" in row else "too few"
            rows.append([sex, bundle, row["speakers"], row["utterances"], row["without"], eer])
    print("Voices by sex: RAVDESS and Urdu, acted; men with men, women with women, also across the sets, whose rooms differ.\n"
          "So few speakers show only gross differences.")
    table(["speakers", "bundle", "number", "utterances", "no voice", "EER %"], rows)
    return figures


# Matching


def reader_clips(work):
    """Clips of the news readers, and each one's sound three times in a row: {reader: [(clip, sound)]}."""

    def choose(names):
        readers = collections.defaultdict(list)
        for name in names:
            if name.endswith(".mp4"):
                readers[person_of(name)].append(name)
        return [name for own in readers.values() for name in spread(own, READER_CLIPS)]

    readers = {}
    for clip in unpack(work, "clips-news", "", choose):
        sound = Path("sound") / Path(clip).with_suffix(".wav")
        if not (work / sound).exists():
            write_sound(work / sound, np.tile(decode(work / clip), 3))
        readers.setdefault(person_of(clip), []).append((clip, str(sound)))
    return readers


def against_templates(probes, templates):
    """The mean of the two highest cosines."""
    return np.sort(probes @ templates.T, axis=1)[:, -2:].mean(axis=1)


def drawn_scores(people):
    """Of {reader: [(face, quality, voice, seconds)]}: rows (same, face cosine, quality, voice cosine, seconds) of clips against five others of a reader."""
    chance = random.Random(1)
    able = {name: own for name, own in people.items() if len(own) > TEMPLATES}
    rows = []
    for _ in range(DRAWS):
        templates = {name: set(chance.sample(range(len(own)), TEMPLATES)) for name, own in able.items()}
        for name, own in able.items():
            probes = [own[number] for number in range(len(own)) if number not in templates[name]]
            faces, quality, voices, seconds = (np.array([probe[part] for probe in probes]) for part in range(4))
            for other, known in able.items():
                known = [known[number] for number in sorted(templates[other])]
                rows.append(np.stack([np.full(len(probes), other == name), against_templates(faces, np.array([k[0] for k in known])), quality,
                                      against_templates(voices, np.array([k[2] for k in known])), seconds], axis=1))
    return np.concatenate(rows), len(able)


def spread_of(genuine, impostor):
    return {"impostor": float(impostor.mean()), "impostor_deviation": float(impostor.std()), "genuine": float(genuine.mean()),
            "genuine_deviation": float(genuine.std())}


def fused(rows, scales, modality):
    """The score of ScoreFusion."""
    total, weight = 0, 0
    for name, cosine, w in (("face", rows[:, 1], np.maximum(rows[:, 2], 0.05)), ("voice", rows[:, 3], rows[:, 4] / (rows[:, 4] + HALF_WEIGHT))):
        if modality in (name, "both"):
            scale = scales[name]
            w = scale["weight"] * w
            total, weight = total + w * (cosine - scale["impostor"]) / (scale["genuine"] - scale["impostor"]), weight + w
    return np.clip(total / weight, 0, 1)


def matching(agent, bundles):
    readers = reader_clips(agent.work)
    clips = [pair for own in readers.values() for pair in own]
    other_faces = face_trials(agent, bundles, False)
    long_voices = stretches(agent.work)["3 s"]
    figures = {}
    print(f"MATCHING: {len(readers)} news readers, {len(clips)} clips")
    for bundle in bundles:
        faces, sounds = agent.embed(bundle, "clip", [clip for clip, _ in clips]), agent.embed(bundle, "sound", [sound for _, sound in clips])
        # The agent heard three times as much speech as there is, and counts no more than 3 s of it.
        people = {name: [(*faces[clip], *sounds[sound]) for clip, sound in own if faces[clip][0] is not None and sounds[sound][0] is not None]
                  for name, own in readers.items()}
        rows, readers_able = drawn_scores(people)
        same = rows[:, 0] == 1
        measured = {"face": spread_of(rows[same, 1], rows[~same, 1]), "voice": spread_of(rows[same, 3], rows[~same, 3])}
        answered = agent.embed(bundle, "sound", long_voices)
        pairs = voice_pairs([file for file in long_voices if answered[file][0] is not None and speaker_of(file).split("/")[0] in VOICE_GROUPS["readings"]])
        pictures, readings = other_faces[bundle], voice_figures(answered, pairs)
        scales = {}
        for name, own in measured.items():
            variance = (own["impostor_deviation"] ** 2 + own["genuine_deviation"] ** 2) / 2
            elsewhere = {"face": pictures, "voice": readings}[name]["same_mean"]
            genuine = (own["genuine"] + elsewhere) / 2 if name == "face" else elsewhere
            # Scores end at 1: where strangers come so high, it must lie where they do not.
            highest = float(np.quantile(rows[~same, 1 if name == "face" else 3], 0.999))
            if highest > genuine:
                genuine = max(highest, own["genuine"])
            if name == "face":
                rare = float(np.quantile(rows[~same, 1], 1 - 1e-4))
                genuine = max(genuine, own["impostor"] + (rare - own["impostor"]) / 0.8)
            own |= {"elsewhere": elsewhere, "d2": (own["genuine"] - own["impostor"]) ** 2 / variance}
            scales[name] = {"impostor": own["impostor"], "genuine": genuine, "weight": (min(genuine, own["genuine"]) - own["impostor"]) ** 2 / variance}
        thresholds, quantiles = {}, {}
        shares = {}
        for name, wanted, above in (("face", 1e-4, 0.04), ("voice", 3e-3, 0), ("both", 1e-4, 0.04)):
            scores = fused(rows, scales, name)
            for reached in (wanted, 1e-3, 1e-2):
                impostor = float(np.quantile(scores[~same], 1 - reached))
                if impostor + above < 0.99:
                    break
            shares[name] = reached
            thresholds[name] = min(1, math.ceil(100 * (impostor + above) - 1e-6) / 100)
            genuine = [float(value) for value in np.quantile(scores[same], [0.001, 0.01, 0.5])]
            quantiles[name] = {"highest": float(scores[~same].max()), "reached": impostor, "genuine": genuine,
                               "accepted": float((scores[same] >= thresholds[name]).mean())}
        single = {"face": single_clips(people, 0), "voice": single_clips(people, 2)}
        high = {name: own["impostor"] + 3 * own["impostor_deviation"] for name, own in single.items()}
        low = {name: own["genuine"] - 2.5 * own["genuine_deviation"] for name, own in single.items()}
        high["face"] = max(high["face"], pictures["different_mean"] + 3 * pictures["different_deviation"])
        low["face"] = min(low["face"], pictures["same_mean"] - 2.5 * pictures["same_deviation"])
        least = {name: min(high[name], low[name]) for name in single}
        without = {"face": sum(vector is None for vector, _ in faces.values()), "voice": sum(vector is None for vector, _ in sounds.values())}
        figures[bundle] = {"without": without, "readers": readers_able, "impostors": int((~same).sum()), "measured": measured, "scales": scales,
                           "thresholds": thresholds, "quantiles": quantiles, "agreement": least, "single": single,
                           "shares": shares}
    table(["by", "bundle", "no answer", "impostor", "genuine", "d′²", "elsewhere"],
          [[name, bundle, own["without"][name], f"{m['impostor']:.2f} ± {m['impostor_deviation']:.2f}", f"{m['genuine']:.2f} ± {m['genuine_deviation']:.2f}",
            f"{m['d2']:.1f}", f"{m['elsewhere']:.2f}"] for name in ("face", "voice") for bundle, own in figures.items() for m in [own["measured"][name]]])
    table(["fused", "bundle", "impostors", "highest", "threshold", "genuine 0.1 %", "1 %", "50 %", "accepted %"],
          [[name, bundle, own["impostors"], f"{q['highest']:.2f}", f"{own['thresholds'][name]:.2f}", *[f"{value:.2f}" for value in q["genuine"]],
            f"{100 * q['accepted']:.1f}"]
           for name in ("face", "voice", "both") for bundle, own in figures.items() for q in [own["quantiles"][name]]])
    for bundle, own in figures.items():
        print(f"{bundle}: the impostors are of {own['readers'] * (own['readers'] - 1) // 2} pairs of readers: one in 10,000 is the worst pair, not a rate.")
    print()
    for bundle, own in figures.items():
        print(snippet(bundle, own))
    return figures


def single_clips(people, part):
    """One clip against one: of each clip's (face, quality, voice, seconds) the part."""
    same, different = [], []
    names = sorted(name for name, own in people.items() if own)
    for s, t in itertools.combinations_with_replacement(names, 2):
        products = np.array([clip[part] for clip in people[s]]) @ np.array([clip[part] for clip in people[t]]).T
        if s == t:
            same.append(products[np.triu_indices(len(products), 1)])
        else:
            different.append(products.ravel())
    return spread_of(np.concatenate(same), np.concatenate(different))


def snippet(bundle, own):
    measured, scales, thresholds = own["measured"], own["scales"], own["thresholds"]
    scale = lambda name: f"{{impostor: {scales[name]['impostor']:.2f}, genuine: {scales[name]['genuine']:.2f}, weight: {scales[name]['weight']:.2g}}}"
    about = lambda name: (f"{name} {measured[name]['impostor']:.2f} ± {measured[name]['impostor_deviation']:.2f} against "
                          f"{measured[name]['genuine']:.2f} ± {measured[name]['genuine_deviation']:.2f}")
    beyond = "".join(f"  # {name}: one in {1 / own['shares'][name]:.0f} of the impostors reaches {own['quantiles'][name]['reached']:.2f}\n" for name in thresholds)
    return f"""# {bundle}
matching:
{beyond}  thresholds: {{face: {thresholds['face']:.2f}, voice: {thresholds['voice']:.2f}, both: {thresholds['both']:.2f}}}
  margin: 0.08
  hysteresis: 0.06
  voice_alone: 2
  fusion:
    # 1.2 s news clips: {about('face')}, {about('voice')}; genuine means moved towards other rooms and longer speech.
    face: {scale('face')}
    voice: {scale('voice')}
    voice_half_weight: {HALF_WEIGHT}
  agreement: {{face: {own['agreement']['face']:.2f}, voice: {own['agreement']['voice']:.2f}}}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", default=str(PACKAGE / ".build/release/fwoc-agent"))
    parser.add_argument("--bundles", default="reference,edge", help="names or folders, with commas")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, with commas")
    parser.add_argument("--work", type=Path, help="keeps data and embeddings for the next time")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    for variable in ("FWOC_SHARED_DATA", "FWOC_REFERENCE_MODELS"):
        if variable not in os.environ:
            sys.exit(f"{variable} is not set; expected the folder of the public data and models")
    wanted = options.only.split(",")
    if unknown := [name for name in wanted if name not in SECTIONS]:
        sys.exit(f"--only {unknown[0]}: no such section; expected some of {', '.join(SECTIONS)}")
    bundles = options.bundles.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        work = (options.work or Path(scratch)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        agent = Agent(options.agent, work)
        results = {"networks": {bundle: {kind: agent.fingerprint(bundle, kind) for kind in ROLES} for bundle in bundles}}
        for name in SECTIONS:
            if name in wanted:
                results[name] = {"faces": faces, "voices": voices, "slices": slices, "matching": matching}[name](agent, bundles)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
