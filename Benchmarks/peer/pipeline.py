"""The peer that the agent is measured against: the same reference models in onnxruntime and OpenCV, one thread.

    FWOC_REFERENCE_MODELS=DIR python3 pipeline.py CLIP... [--cadence light|full] [--face-model face_mbf_512] [--tracks]

Prints one JSON object a clip: seconds of wall and of processor time and × real time by each (opening the models is
counted apart; where the machine is busy with others, only processor time says anything), peak resident memory in
MiB, milliseconds a stage, and what it found. It is what a practised Python programmer writes in
a day, and does the agent's work at the agent's cadence:

- Decoding with cv2.VideoCapture on one thread; sound by the `ffmpeg` program to 16 kHz mono, its start offset kept as silence.
- YuNet (any size) on every second frame, long side scaled to at most 640, faces over 0.6.
- Tracks by overlap (greedy, 0.3; a track ends when it was not seen for a second). Skipped frames use the last box.
- Face embedding of each track, aligned to five points: at every `--embed-every`-th detection of it, averaged by detector score.
- Silero on every block of 32 ms.
- x-vector of each `--voice-window` seconds in which Silero heard at least a second of speech, hop half a window.
- LR-ASD on each track: its grey crops resampled to 25 fps, in windows of `--speaking-window` seconds; of every
  `--speaking-every` windows one is scored. A window of a track without speech in it is not scored.

`--cadence full` scores every window of every face, and embeds every fifth detection. onnxruntime needs about 10 ms a frame
for LR-ASD, so two faces at 25 fps take half of real time by themselves: that cadence cannot reach twice real time
with two faces in the picture. `--cadence light` scores one window in four and embeds once a second.

Written for onnxruntime 1.31, OpenCV 5.0, kaldi-native-fbank 1.23, python_speech_features 0.6, Python 3.11.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENCV_FFMPEG_THREADS", "1")
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import cv2
import numpy as np

import reference_models

CADENCES = {
    "full": {"detect_every": 2, "embed_every": 5, "voice_window": 3.0, "speaking_window": 1.0, "speaking_every": 1},
    "light": {"detect_every": 2, "embed_every": 12, "voice_window": 3.0, "speaking_window": 1.0, "speaking_every": 4},
}
SPEECH = 0.5


def processor_seconds():
    """Of this process and of the programs it has waited for."""
    usages = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Stopwatch:
    """Milliseconds and calls a stage: by the clock, and those that the processor gave us (less, where others use it too)."""

    def __init__(self):
        self.stages = {}
        self.start = time.perf_counter(), processor_seconds()

    def __call__(self, stage, function, *arguments):
        wall, own = time.perf_counter(), processor_seconds()
        result = function(*arguments)
        entry = self.stages.setdefault(stage, [0.0, 0.0, 0])
        entry[0] += time.perf_counter() - wall
        entry[1] += processor_seconds() - own
        entry[2] += 1
        return result

    def stop(self):
        """Wall seconds, processor seconds and the table of stages."""
        wall, own = time.perf_counter() - self.start[0], processor_seconds() - self.start[1]
        stages = self.stages | {"other": [wall - sum(s[0] for s in self.stages.values()), own - sum(s[1] for s in self.stages.values()), 1]}
        rows = {name: {"ms": round(1000 * w, 1), "cpu_ms": round(1000 * c, 1), "calls": n, "share": round(c / own, 3)}
                for name, (w, c, n) in stages.items()}
        return wall, own, rows


def sound_of(path):
    """Samples at 16 kHz in -1...1 from the clip's time 0 on; none where it has no sound."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-i", str(path), "-vn", "-af", "aresample=async=1:first_pts=0",
               "-ac", "1", "-ar", "16000", "-f", "s16le", "-"]
    data = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    return np.frombuffer(data[:len(data) // 2 * 2], np.int16).astype(np.float32) / 32768


def frames_of(path, watch):
    """(seconds, blue-green-red picture) of each frame."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    while True:
        ok, picture = watch("decode picture", capture.read)
        if not ok:
            return
        yield capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, picture


def overlap(a, b):
    left, top = max(a[0], b[0]), max(a[1], b[1])
    right, bottom = min(a[0] + a[2], b[0] + b[2]), min(a[1] + a[3], b[1] + b[3])
    shared = max(0, right - left) * max(0, bottom - top)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def square_crop(picture, cx, cy, side):
    """A grey 112x112 picture of a square."""
    scale = 112 / side
    matrix = np.float64([[scale, 0, -scale * (cx - side / 2)], [0, scale, -scale * (cy - side / 2)]])
    return cv2.cvtColor(cv2.warpAffine(picture, matrix, (112, 112), borderMode=cv2.BORDER_REPLICATE), cv2.COLOR_BGR2GRAY)


def speaking_crop(picture, box):
    """The square around the face box, as AVA's crops are. LR-ASD tells speakers apart by more on it than on the middle of an
    enlarged box, which its demonstration cuts for boxes tighter than YuNet's (conversations.py compares them)."""
    x, y, w, h = box[:4]
    return square_crop(picture, x + w / 2, y + h / 2, max(w, h))


class Track:
    """One face over time."""

    def __init__(self, number, seconds, row):
        self.number, self.first = number, seconds
        self.detections, self.embeddings, self.weights = 0, [], []
        self.times, self.crops = [], []
        self.window, self.scores = 0, []
        self.see(seconds, row)

    def see(self, seconds, row):
        self.row, self.last = row, seconds
        self.detections += 1

    def face(self):
        """Mean embedding of length 1, weighted by detector score."""
        total = np.average(self.embeddings, axis=0, weights=self.weights)
        return total / np.linalg.norm(total)


class Pipeline:
    """All models opened once, any number of clips after each other."""

    def __init__(self, folder, options):
        self.options = options
        self.detector = reference_models.FaceDetector(folder)
        self.face = reference_models.FaceEncoder(folder, options.face_model)
        self.voice = reference_models.VoiceEncoder(folder)
        self.speaker = reference_models.ActiveSpeaker(folder)
        self.activity = reference_models.VoiceActivity(folder)

    def run(self, path):
        watch, options = Stopwatch(), self.options
        samples = watch("decode sound", sound_of, path)
        speech = self.hear(samples, watch)
        live, ended, seconds, index = [], [], 0.0, -1
        for index, (seconds, picture) in enumerate(frames_of(path, watch)):
            if index % options.detect_every == 0:
                rows = watch("detect faces", self.detector, self.shrunk(picture))
                self.follow(live, ended, rows, seconds, watch)
                for track in live:
                    if track.last == seconds and (track.detections - 1) % options.embed_every == 0:
                        watch("embed face", self.embed, track, picture)
            for track in live:
                track.crops.append(watch("crop for speaking", speaking_crop, picture, track.row))
                track.times.append(seconds)
                if seconds - track.times[0] >= options.speaking_window:
                    watch("speaking", self.speak, track, samples, speech)
        tracks = ended + live
        for track in live:
            watch("speaking", self.speak, track, samples, speech)
        voices = self.voices(samples, speech, watch)
        wall, own, stages = watch.stop()
        length = max(seconds, len(samples) / 16000)
        tracks = sorted((t for t in tracks if t.detections >= 3 and t.embeddings), key=lambda t: t.number)
        record = {
            "clip": Path(path).name, "clip_s": round(length, 3), "frames": index + 1, "wall_s": round(wall, 3), "cpu_s": round(own, 3),
            "times_real_time": round(length / wall, 2), "times_real_time_cpu": round(length / own, 2), "stages": stages,
            "speech_s": round(0.032 * float((speech > SPEECH).sum()), 2), "voice_windows": len(voices),
            "tracks": [{"track": t.number, "first_s": round(t.first, 2), "last_s": round(t.last, 2), "detections": t.detections,
                        "embeddings": len(t.embeddings), "box": [round(float(v), 1) for v in t.row[:4]],
                        "speaking": round(float(np.mean([s for _, s in t.scores])), 2) if t.scores else None} for t in tracks]}
        return record, tracks, voices

    def hear(self, samples, watch):
        self.activity.state[:] = 0
        self.activity.window[:] = 0
        blocks = samples[:len(samples) // 512 * 512].reshape(-1, 512)
        return np.array([watch("voice activity", self.activity, block) for block in blocks], np.float32)

    def shrunk(self, picture):
        self.detector.long_side = min(640, max(picture.shape[:2]))
        return picture

    def follow(self, live, ended, rows, seconds, watch):
        pairs = sorted(((overlap(t.row, r), i, j) for i, t in enumerate(live) for j, r in enumerate(rows)), reverse=True)
        matched, used = set(), set()
        for value, i, j in pairs:
            if value >= 0.3 and i not in matched and j not in used:
                live[i].see(seconds, rows[j])
                matched.add(i)
                used.add(j)
        for track in [t for t in live if seconds - t.last > 1]:
            live.remove(track)
            ended.append(track)
        numbers = max([t.number for t in live + ended], default=0)
        live += [Track(numbers + k + 1, seconds, r) for k, r in enumerate(r for j, r in enumerate(rows) if j not in used)]

    def embed(self, track, picture):
        track.embeddings.append(self.face(reference_models.align(picture, track.row[4:14])))
        track.weights.append(track.row[14])

    def speak(self, track, samples, speech):
        """Scores the crops held, where it is this window's turn and somebody spoke in it, and drops them."""
        times, crops = np.array(track.times), track.crops
        track.times, track.crops = [], []
        track.window += 1
        heard = speech[int(times[0] / 0.032):int(times[-1] / 0.032) + 1]
        if (track.window - 1) % self.options.speaking_every or len(times) < 5 or not (heard > SPEECH).any():
            return
        ticks = np.arange(times[0], times[-1] + 1e-3, 0.04)
        nearest = np.abs(ticks[:, None] - times).argmin(1)
        scores = self.speaker(np.stack([crops[i] for i in nearest]), samples[int(times[0] * 16000):])
        track.scores += zip(ticks.tolist(), scores.tolist())

    def voices(self, samples, speech, watch):
        """(start in seconds, embedding) of each window with a second of speech or, of a short clip, half of it."""
        window = int(self.options.voice_window * 16000)
        found = []
        for start in range(0, max(1, len(samples) - window // 2), window // 2):
            piece = samples[start:start + window]
            heard = 512 * int((speech[start // 512:(start + len(piece)) // 512] > SPEECH).sum())
            if heard >= min(16000, len(piece) / 2) and heard > 0:
                found.append((start / 16000, watch("embed voice", self.voice, piece)))
        return found


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", metavar="CLIP")
    parser.add_argument("--reference-models", default=reference_models.default_folder())
    parser.add_argument("--face-model", choices=["face_mbf_512", "mobilefacenet_128"], default="mobilefacenet_128")
    parser.add_argument("--cadence", choices=sorted(CADENCES), default="light")
    parser.add_argument("--detect-every", type=int, help="frames")
    parser.add_argument("--embed-every", type=int, help="detections of one track")
    parser.add_argument("--voice-window", type=float, help="seconds")
    parser.add_argument("--speaking-window", type=float, help="seconds")
    parser.add_argument("--speaking-every", type=int, help="windows of which one is scored")
    parser.add_argument("--scores", action="store_true", help="with the speaking score at every scored time")
    options = parser.parse_args()
    for name, value in CADENCES[options.cadence].items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def main():
    options = arguments()
    cv2.setNumThreads(1)
    start = time.perf_counter()
    pipeline = Pipeline(reference_models.existing_folder(options.reference_models), options)
    opening = time.perf_counter() - start
    for clip in options.clips:
        if not Path(clip).is_file():
            sys.exit(f"{clip}: no such clip")
        record, tracks, _ = pipeline.run(clip)
        if options.scores:
            for row, track in zip(record["tracks"], tracks):
                row["scores"] = [[round(t, 2), round(s, 2)] for t, s in track.scores]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        settings = {name: getattr(options, name) for name in ("face_model", "cadence", *CADENCES["full"])}
        print(json.dumps(record | {"open_models_s": round(opening, 3), "peak_rss_mib": round(peak, 1), "settings": settings,
                                   "processor": reference_models.processor(), **reference_models.versions()}), flush=True)


if __name__ == "__main__":
    main()
