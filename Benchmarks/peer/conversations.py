"""Reference models on the wild clips: two people in three clips each, and two men who talk in turn.

    FWOC_SHARED_DATA=DIR FWOC_REFERENCE_MODELS=DIR python3 conversations.py [--window 3.0] [--montage FILE.png]

1. avspeech-*: cosine of every clip with every other, for both face models and the voice: genuine (three clips of one
   video) and impostor scores.
2. visualvoice-interview: LR-ASD on both tracks at 25 fps, in windows of 1, 2 and 4 s and with two ways of cropping (the
   whole box as in AVA, and the middle of an enlarged box as in LR-ASD's own demonstration); who leads in each half second;
   and whether x-vectors of windows led by the same man are more alike than of different men.
"""

import argparse
import itertools
from pathlib import Path

import cv2
import numpy as np

import clip_embeddings
import pipeline
import reference_models
import separation


def middle_crop(picture, box):
    """The crop of LR-ASD's own demonstration: 0.7 of the longer side, a fifth of it below the centre."""
    x, y, w, h = box[:4]
    side = max(w, h)
    return pipeline.square_crop(picture, x + w / 2, y + h / 2 + 0.2 * side, 0.7 * side)


def avspeech(embeddings, clips):
    rows = {clip.stem: embeddings(clip) for clip in clips}
    names = sorted(rows)
    people = [name.split("_")[0] if "co" in name else name.rsplit("_", 2)[0] for name in names]
    print("clip                                faces  px  score  speech s")
    for name in names:
        row = rows[name]
        print(f"{name:36}{row['tracks']:4}{row['face_px']:6.0f}{row['face_score']:7.2f}{row['speech_s']:8.2f}")
    for modality in (*clip_embeddings.FACE_MODELS, "voice"):
        vectors = separation.unit(np.array([separation.unit(np.atleast_2d(rows[n][modality])).mean(0) for n in names]))
        scores = vectors @ vectors.T
        pairs = [(scores[i, j], people[i] == people[j]) for i, j in itertools.combinations(range(len(names)), 2)]
        genuine = sorted(s for s, same in pairs if same)
        impostor = sorted(s for s, same in pairs if not same)
        print(f"{modality:18} genuine " + " ".join(f"{s:.2f}" for s in genuine) + "   impostor " + " ".join(f"{s:.2f}" for s in impostor))


class Interview:
    """Boxes, crops and sound of one clip, gathered once."""

    def __init__(self, embeddings, path):
        self.embeddings = embeddings
        watch, models = pipeline.Stopwatch(), embeddings.pipeline
        live, ended, crops = [], [], {}
        for index, (seconds, picture) in enumerate(pipeline.frames_of(path, watch)):
            if index % 2 == 0:
                models.follow(live, ended, models.detector(models.shrunk(picture)), seconds, watch)
            for track in live:
                crops.setdefault(track.number, []).append(
                    (seconds, pipeline.speaking_crop(picture, track.row), middle_crop(picture, track.row)))
        self.tracks = {number: rows for number, rows in crops.items() if len(rows) > 50}
        self.samples = pipeline.sound_of(path)
        self.speech = models.hear(self.samples, watch)

    def speaking(self, number, which, window):
        rows = self.tracks[number]
        times = np.array([row[0] for row in rows])
        ticks = np.arange(times[0], times[-1], 0.04)
        pictures = np.stack([rows[i][which] for i in np.abs(ticks[:, None] - times).argmin(1)])
        step = int(window * 25)
        scores = [self.embeddings.pipeline.speaker(pictures[i:i + step], self.samples[int(ticks[i] * 16000):])
                  for i in range(0, len(ticks), step)]
        return ticks, np.concatenate(scores)


def interview(embeddings, path, window, montage):
    clip = Interview(embeddings, path)
    print(f"\n{path.name}: {len(clip.tracks)} tracks, {0.032 * (clip.speech > 0.5).sum():.1f} s of speech")
    leads = {}
    for which, name in ((1, "whole box"), (2, "middle of the enlarged box")):
        for seconds in (1.0, 2.0, 4.0) if which == 1 else (1.0, 4.0):
            curves = {number: clip.speaking(number, which, seconds) for number in clip.tracks}
            count = min(len(scores) for _, scores in curves.values()) // 12
            halves = np.array([scores[:count * 12].reshape(count, 12).mean(1) for _, scores in curves.values()])
            leads[which, seconds] = halves
            gap = np.abs(halves[0] - halves[1])
            letters = "".join("AB"[i] if halves[:, k].max() > 0 else "ab"[i] for k, i in enumerate(halves.argmax(0)))
            print(f"{name:28}windows of {seconds:.0f} s: {letters}   mean gap {gap.mean():.2f}")
    print("(a letter is 0.48 s; A or B: the leading track's score is over 0; a or b: it is not)")
    reference = leads[1, 4.0].argmax(0)
    for key, halves in leads.items():
        print(f"same leader as the first in windows of 4 s: {key} {100 * (halves.argmax(0)[:len(reference)] == reference[:halves.shape[1]]).mean():.0f} %")
    pieces = []
    for start in np.arange(0, len(clip.samples) / 16000 - window + 1e-6, window / 2):
        lead = reference[int(start / 0.48):int((start + window) / 0.48)]
        share = max((lead == k).mean() for k in (0, 1))
        if share >= 0.85:
            piece = clip.samples[int(start * 16000):int((start + window) * 16000)]
            pieces.append((start, int(np.median(lead)), embeddings.pipeline.voice(piece)))
    same, other = [], []
    for (s, a, va), (t, b, vb) in itertools.combinations(pieces, 2):
        if abs(s - t) >= window:
            (same if a == b else other).append(float(va @ vb))
    print(f"voices, windows of {window} s led by one man ({[p[1] for p in pieces]}): same man "
          + " ".join(f"{v:.2f}" for v in sorted(same)) + "   different " + " ".join(f"{v:.2f}" for v in sorted(other)))
    if montage:
        strips = []
        for number in clip.tracks:
            rows = clip.tracks[number]
            strips += [np.hstack([rows[i][which] for i in range(0, len(rows), max(1, len(rows) // 12))][:12]) for which in (1, 2)]
        cv2.imwrite(montage, np.vstack(strips))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=reference_models.default_data())
    parser.add_argument("--reference-models", default=reference_models.default_folder())
    parser.add_argument("--window", type=float, default=3.0, help="seconds of a voice window")
    parser.add_argument("--only-interview", action="store_true")
    parser.add_argument("--montage", help="picture with both men's crops")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    wild = Path(options.data) / "clips-wild"
    embeddings = clip_embeddings.ClipEmbeddings(reference_models.existing_folder(options.reference_models), 4)
    if not options.only_interview:
        avspeech(embeddings, sorted(wild.glob("avspeech-*.mp4")))
    interview(embeddings, wild / "visualvoice-interview.mp4", options.window, options.montage)


if __name__ == "__main__":
    main()
