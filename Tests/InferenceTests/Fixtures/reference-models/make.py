"""Fixed inputs for the public reference models and what onnxruntime makes of them.

Writes beside itself one folder a case with NumPy files, and `manifest.json` that names them. The inputs are
drawn from a seed, nothing here was photographed or recorded: pictures are smooth noise with cartoon faces in
it, sound is a pulse train through formant resonators. They are natural enough for the detectors to see
faces and for the voice activity model to hear speech, so that no output is degenerate.

    python3 make.py REFERENCE_MODELS

Made with Python 3.11, numpy 2.4.6, scipy 1.17.1, opencv-python-headless 5.0.0, kaldi-native-fbank 1.23.0,
python_speech_features 0.6, onnxruntime 1.31.1 (CPU, one thread); seed 20261121.

manifest.json
    onnxruntime   version that computed the outputs
    cases[]       name, model (file name), sha256 (of the model file), steps[]
    steps[]       runs of one session in order, each with inputs[] and outputs[]
    inputs[]      name; file; shape and dtype, both as the model takes them. Files of unsigned bytes are cast to
                  Float and become (byte - mean[c]) / deviation[c], c along axis 1, or mean[0], deviation[0] where one
                  is given; then every pixel is repeated `upsample` times down and across (1: as it is).
                  Float and integer files are the input itself.
                  Instead of a file: `previous`, the output of the step before that is this input.
    outputs[]     name; file; shape; max_abs, its largest magnitude; ort_spread, the largest difference between onnxruntime
                  with and without graph optimisation, divided by max_abs: what the order of summation alone costs.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import cv2
import kaldi_native_fbank
import numpy as np
import onnxruntime
import scipy.signal
from python_speech_features import mfcc

SEED = 20261121
HERE = Path(__file__).resolve().parent


def smooth_noise(rng, height, width, channels=3):
    """Three octaves of random values, each smoothly enlarged: [height, width, channels], 0...255."""
    picture = np.zeros((height, width, channels), np.float32)
    for cells, amplitude in ((3, 60.0), (9, 25.0), (32, 10.0)):
        grid = rng.normal(0, amplitude, (cells + 1, cells + 1, channels)).astype(np.float32)
        picture += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC).reshape(picture.shape)
    return np.clip(picture + 120, 0, 255)


def draw_face(picture, cx, cy, size, mouth=0.3):
    """A cartoon face of `size` pixels between chin and brow, blue-green-red, drawn in place."""
    def at(x, y):
        return int(round((cx + x * size) * 16)), int(round((cy + y * size) * 16))

    def ellipse(x, y, rx, ry, colour):
        axes = int(round(rx * size * 16)), int(round(ry * size * 16))
        cv2.ellipse(picture, at(x, y), axes, 0, 0, 360, colour, -1, cv2.LINE_AA, 4)

    ellipse(0, -0.12, 0.46, 0.56, (30, 35, 45))
    ellipse(0, 0, 0.40, 0.54, (135, 165, 215))
    for side in (-1, 1):
        ellipse(side * 0.18, -0.17, 0.10, 0.018, (40, 45, 60))
        ellipse(side * 0.18, -0.08, 0.085, 0.042, (235, 235, 235))
        ellipse(side * 0.18, -0.08, 0.038, 0.040, (40, 50, 60))
        ellipse(side * 0.045, 0.125, 0.025, 0.018, (80, 100, 140))
    ellipse(0, 0.04, 0.045, 0.11, (150, 180, 228))
    ellipse(0, 0.29, 0.16, 0.045 + 0.06 * mouth, (90, 90, 180))
    ellipse(0, 0.29, 0.13, 0.10 * mouth + 0.004, (40, 30, 60))


def picture(rng, height, width, faces):
    """[1, 3, height, width] unsigned bytes, blue-green-red."""
    scene = smooth_noise(rng, height, width)
    for face in faces:
        draw_face(scene, *face)
    scene = cv2.GaussianBlur(scene, (0, 0), 0.8) + rng.normal(0, 2, scene.shape)
    return np.clip(scene, 0, 255).astype(np.uint8).transpose(2, 0, 1)[None]


def aligned_face(rng, mouth=0.3, size=112):
    """A face with its eyes near the ArcFace template's: [1, 3, size, size] unsigned bytes, red-green-blue."""
    face = (0.5 * size, 0.54 * size, 0.92 * size, mouth)
    return picture(rng, size, size, [face])[:, ::-1]


def voice(rng, seconds, rate=16000):
    """A pulse train of wandering pitch through three formants that change every 160 ms, -1...1."""
    count = int(seconds * rate)
    pitch = 125 + 20 * np.sin(2 * np.pi * 1.7 * np.arange(count) / rate)
    phase = np.cumsum(pitch / rate)
    source = np.diff(np.floor(phase), prepend=0.0) + rng.normal(0, 0.01, count)
    vowels = [(730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (530, 1840, 2480), (300, 870, 2240)]
    sound = np.zeros(count)
    step = int(0.16 * rate)
    state = [np.zeros(2) for _ in range(3)]
    for index, start in enumerate(range(0, count, step)):
        piece = source[start:start + step]
        for k, (centre, width) in enumerate(zip(vowels[index % 5], (80, 100, 140))):
            radius = np.exp(-np.pi * width / rate)
            poles = [1, -2 * radius * np.cos(2 * np.pi * centre / rate), radius * radius]
            piece, state[k] = scipy.signal.lfilter([1 - radius], poles, piece, zi=state[k])
        sound[start:start + step] = piece
    sound *= 0.6 + 0.4 * np.sin(2 * np.pi * 3.1 * np.arange(count) / rate)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def log_mel(sound):
    """Kaldi's 80 log-mel bands, mean of each band subtracted: [1, t, 80]."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = 16000
    options.frame_opts.dither = 0
    options.frame_opts.window_type = "hamming"
    options.mel_opts.num_bins = 80
    options.mel_opts.low_freq = 20
    options.mel_opts.high_freq = 8000
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(16000, sound.tolist())
    bank.input_finished()
    frames = np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)])
    return (frames - frames.mean(0))[None].astype(np.float32)


class Case:
    """One case of the manifest: a model, and the steps it is run through."""

    def __init__(self, models, name, model):
        path = models / model
        self.folder = HERE / name
        self.folder.mkdir()
        self.sessions = [session(path, optimised) for optimised in (True, False)]
        self.previous = [{}, {}]
        self.record = {"name": name, "model": model, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "steps": []}

    def run(self, **inputs):
        """Runs both sessions and writes the step. A value is (array, keywords) or the name of an output before."""
        index = len(self.record["steps"])
        step = {"inputs": [], "outputs": []}
        feeds = [{}, {}]
        for name, value in inputs.items():
            if isinstance(value, str):
                for k in range(2):
                    feeds[k][name] = self.previous[k][value]
                step["inputs"].append({"name": name, "shape": list(feeds[0][name].shape), "dtype": "float32", "previous": value})
                continue
            stored, options = value
            fed = feed(stored, **options)
            for k in range(2):
                feeds[k][name] = fed
            entry = {"name": name, "file": self.write(f"{index}.{name}", stored), "shape": list(fed.shape), "dtype": str(fed.dtype)}
            step["inputs"].append(entry | options)
        names = [output.name for output in self.sessions[0].get_outputs()]
        self.previous = [dict(zip(names, s.run(names, f))) for s, f in zip(self.sessions, feeds)]
        for name in names:
            expected, other = (p[name] for p in self.previous)
            largest = float(np.abs(expected).max())
            assert np.isfinite(expected).all() and largest > 0, (self.record["name"], name)
            step["outputs"].append({
                "name": name, "file": self.write(f"{index}.{name}", expected), "shape": list(expected.shape),
                "max_abs": round(largest, 6), "ort_spread": float(f"{np.abs(expected - other).max() / largest:.2g}")})
        self.record["steps"].append(step)
        return self.previous[0]

    def write(self, stem, array):
        path = self.folder / f"{stem}.npy"
        np.save(path, np.ascontiguousarray(array))
        return f"{self.folder.name}/{path.name}"


def session(path, optimised):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimised else level.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feed(stored, mean=None, deviation=None, upsample=1):
    if mean is None:
        return stored
    shape = [1, len(mean)] + [1] * (stored.ndim - 2)
    value = (stored.astype(np.float32) - np.float32(mean).reshape(shape)) / np.float32(deviation).reshape(shape)
    return value.repeat(upsample, -1).repeat(upsample, -2)


def best_faces(outputs):
    """YuNet's highest score at strides 8, 16 and 32."""
    return [round(float(np.sqrt(outputs[f"cls_{s}"] * outputs[f"obj_{s}"]).max()), 3) for s in (8, 16, 32)]


def main(models):
    rng = np.random.default_rng(SEED)
    for old in HERE.iterdir():
        if old.is_dir() and old.name != "__pycache__":
            shutil.rmtree(old)
    cases = []

    def case(name, model):
        cases.append(Case(models, name, model))
        return cases[-1]

    def bytes_input(array, mean=(0.0,), deviation=(1.0,), upsample=1):
        return array, {"mean": list(mean), "deviation": list(deviation), "upsample": upsample}

    # Faces. Two shapes in one session: what was planned for the first must not leak into the second.
    dynamic = case("yunet_dynamic", "yunet_n_dynamic.onnx")
    for height, width, faces in ((160, 192, [(70, 82, 120), (160, 110, 40), (160, 30, 18)]), (96, 128, [(44, 50, 76), (108, 60, 24)])):
        print("yunet_dynamic, best face at each stride:", best_faces(dynamic.run(input=bytes_input(picture(rng, height, width, faces)))))
    for side, upsample, faces in ((320, 2, [(55, 70, 80), (130, 110, 36), (130, 40, 10)]), (640, 4, [(45, 70, 64), (120, 100, 28), (120, 30, 7)])):
        scene = picture(rng, 160, 160, faces)
        outputs = case(f"yunet_{side}", f"yunet_n_{side}_{side}.onnx").run(input=bytes_input(scene, upsample=upsample))
        print(f"yunet_{side}, best face at each stride:", best_faces(outputs))
    scene = picture(rng, 120, 160, [(60, 60, 64)])[:, ::-1]
    outputs = case("ulfg_rfb_320", "ulfg_rfb_320.onnx").run(input=bytes_input(scene, [127.0], [128.0], 2))
    print("ulfg, best face:", outputs["scores"][..., 1].max())

    scene = picture(rng, 192, 192, [(96, 96, 128)])[:, ::-1]
    outputs = case("face_mesh_468", "face_mesh_468.onnx").run(input_1=bytes_input(scene, [0.0], [255.0]))
    print("face mesh, face score:", outputs["conv2d_31"].item())

    faces = np.concatenate([aligned_face(rng, mouth) for mouth in (0.1, 0.9)])
    imagenet = [255 * m for m in (0.485, 0.456, 0.406)], [255 * d for d in (0.229, 0.224, 0.225)]
    case("mobilefacenet_128", "mobilefacenet_128.onnx").run(input0=bytes_input(faces[:1], *imagenet))
    mbf = case("face_mbf_512", "face_mbf_512.onnx")
    for batch in (faces[:1], faces):
        mbf.run(**{"input.1": bytes_input(batch, [127.5], [127.5])})

    # Sound
    sound = voice(rng, 1.5)
    speaker = case("speaker_tdnn_512", "speaker_tdnn_512.onnx")
    for seconds in (1.5, 0.75):
        speaker.run(input=(log_mel(sound[:int(seconds * 16000)]), {}))

    vad = case("silero_vad", "silero_vad_16k_op15.onnx")
    quiet = rng.normal(0, 0.001, 1024).astype(np.float32)
    stream = np.concatenate([np.zeros(64, np.float32), quiet, sound[:512 * 6], quiet])
    state = (np.zeros((2, 1, 128), np.float32), {})
    for index, start in enumerate(range(0, len(stream) - 64, 512)):
        outputs = vad.run(input=(stream[None, start:start + 576], {}), state=state, sr=(np.array(16000, np.int64), {}))
        state = "stateN"
        print(f"voice activity, block {index}:", outputs["output"].item())

    asd = case("lr_asd_ava", "lr_asd_ava.onnx")
    for count in (12, 5):
        grey = [cv2.cvtColor(aligned_face(rng, m)[0].transpose(1, 2, 0), cv2.COLOR_RGB2GRAY)
                for m in 0.5 + 0.5 * np.sin(np.arange(count) * 1.3)]
        features = mfcc(sound[:count * 640 + 240] * 32768, 16000, winlen=0.025, winstep=0.010, numcep=13)[:4 * count]
        outputs = asd.run(mfcc=(features[None].astype(np.float32), {}), faces=bytes_input(np.stack(grey)[None]))
        print("speaking:", outputs["score"].round(2))

    manifest = {"seed": SEED, "onnxruntime": onnxruntime.__version__, "cases": [c.record for c in cases]}
    (HERE / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    size = sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file())
    spread = max(o["ort_spread"] for c in cases for s in c.record["steps"] for o in s["outputs"])
    print(f"{len(cases)} cases, {size / 1e6:.2f} MB, onnxruntime differs from itself by at most {spread} of the largest value")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make.py REFERENCE_MODELS (the folder with the .onnx files)")
    main(Path(sys.argv[1]))
