"""Face and voice embeddings of many clips by the reference models, kept in one file.

    FWOC_REFERENCE_MODELS=DIR python3 clip_embeddings.py -o FILE.npz [--frames 4] CLIP...

A clip's entry is the face that was seen longest (by the tracker of pipeline.py): its embedding in both face models at
`--frames` detections spread over the track, and one x-vector of the whole sound. Clips already in the file are not
done again, so that an interrupted run continues. All clips keep the name of their folder: `ar00/00146.mp4`.

Arrays of FILE.npz, a row a clip unless said: `clips`; `face_mbf_512` [clips, frames, 512] and `mobilefacenet_128`, length 1,
not-a-number where no face was found; `face_px` longer side of the box; `face_score` of the detector; `tracks` seen at
least three times; `voice` [clips, 512]; `speech_s`, seconds that Silero calls speech.
"""

import argparse
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

import pipeline
import reference_models

FACE_MODELS = {"face_mbf_512": 512, "mobilefacenet_128": 128}


def name_of(path):
    return f"{Path(path).parent.name}/{Path(path).name}"


class ClipEmbeddings:
    """The models, opened once."""

    def __init__(self, folder, frames):
        settings = SimpleNamespace(face_model="mobilefacenet_128", detect_every=2)
        self.pipeline = pipeline.Pipeline(folder, settings)
        self.encoders = {model: reference_models.FaceEncoder(folder, model) for model in FACE_MODELS}
        self.frames = frames

    def __call__(self, path):
        """A row of the file, of the track with most detections (the larger face of two)."""
        return self.tracks(path)[0]

    def tracks(self, path):
        """A row for each track of the clip with at least three detections, the longest first; all with the clip's voice."""
        watch = pipeline.Stopwatch()
        live, ended, kept = [], [], {}
        for index, (seconds, picture) in enumerate(pipeline.frames_of(path, watch)):
            if index % 2:
                continue
            self.pipeline.follow(live, ended, self.pipeline.detector(self.pipeline.shrunk(picture)), seconds, watch)
            for track in live:
                if track.last == seconds:
                    crop = reference_models.align(picture, track.row[4:14])
                    kept.setdefault(track.number, []).append((crop, track.row.copy()))
        samples = pipeline.sound_of(path)
        speech = self.pipeline.hear(samples, watch)
        sound = {"speech_s": 0.032 * float((speech > pipeline.SPEECH).sum()),
                 "voice": self.pipeline.voice(samples) if len(samples) > 8000 else np.full(512, np.nan)}
        found = [crops for crops in kept.values() if len(crops) >= 3]
        found.sort(key=lambda crops: (len(crops), crops[-1][1][2]), reverse=True)
        rows = []
        for crops in found or [[]]:
            row = dict(sound, tracks=len(found), face_px=np.nan, face_score=np.nan)
            row |= {model: np.full((self.frames, size), np.nan) for model, size in FACE_MODELS.items()}
            if crops:
                chosen = [crops[i] for i in np.linspace(0, len(crops) - 1, self.frames + 2).round().astype(int)[1:-1]]
                row["face_px"] = float(np.mean([max(box[2:4]) for _, box in chosen]))
                row["face_score"] = float(np.mean([box[14] for _, box in chosen]))
                for model, encoder in self.encoders.items():
                    row[model] = np.stack([encoder(crop) for crop, _ in chosen])
            rows.append(row)
        return rows


def load(path):
    if not Path(path).exists():
        return {}
    with np.load(path) as file:
        arrays = dict(file)
    return {str(clip): {key: value[i] for key, value in arrays.items() if key != "clips"} for i, clip in enumerate(arrays["clips"])}


def save(path, rows):
    names = sorted(rows)
    arrays = {key: np.array([rows[name][key] for name in names], np.float32) for key in next(iter(rows.values()))}
    temporary = f"{path}.partial.npz"
    np.savez(temporary, clips=np.array(names), **arrays)
    Path(temporary).replace(path)


def embed(clips, path, folder, frames=4):
    """Rows of all clips by name, from the file where it has them; what was missing is added to it."""
    rows = load(path)
    missing = [clip for clip in clips if name_of(clip) not in rows]
    if missing:
        cv2.setNumThreads(1)
        embeddings, start = ClipEmbeddings(folder, frames), time.perf_counter()
        for count, clip in enumerate(missing, 1):
            rows[name_of(clip)] = embeddings(clip)
            if count % 50 == 0 or count == len(missing):
                save(path, rows)
                each = (time.perf_counter() - start) / count
                print(f"{count} of {len(missing)} clips, {each:.2f} s each, {each * (len(missing) - count) / 60:.0f} min left",
                      file=sys.stderr, flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", metavar="CLIP")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--frames", type=int, default=4, help="embeddings of a clip's face")
    parser.add_argument("--reference-models", default=reference_models.default_folder())
    options = parser.parse_args()
    embed(options.clips, options.output, reference_models.existing_folder(options.reference_models), options.frames)


if __name__ == "__main__":
    main()
