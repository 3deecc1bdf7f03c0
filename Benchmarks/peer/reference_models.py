"""The public reference models as onnxruntime runs them: one thread, found by FWOC_REFERENCE_MODELS.

Shared by the scripts of this folder: opening a session, each model's preprocessing and postprocessing, and
the processor's name, versions and memory that go into every record.
"""

import importlib.metadata
import os
import platform
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

PACKAGE = Path(__file__).resolve().parents[2]

# Where ArcFace's similarity alignment puts image-left eye, right eye, nose, left and right mouth corner in 112x112.
ARCFACE_TEMPLATE = np.float32([
    [38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])


def default_folder():
    return os.environ.get("FWOC_REFERENCE_MODELS", str(PACKAGE.parent / "shared/teachers"))


def default_data():
    return os.environ.get("FWOC_SHARED_DATA", str(PACKAGE.parent / "shared/data"))


def existing_folder(path):
    if not Path(path).is_dir():
        sys.exit(f"{path}: no such folder; name the reference models with --reference-models or FWOC_REFERENCE_MODELS")
    return Path(path)


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def versions():
    packages = {"onnxruntime": "onnxruntime", "opencv": "opencv-python-headless", "numpy": "numpy"}
    found = {name: importlib.metadata.version(package) for name, package in packages.items()}
    return {"python": platform.python_version(), **found}


def resident_mib():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class FaceDetector:
    """YuNet of any size on the picture scaled to a long side: rows of x, y, w, h, ten landmark coordinates, score."""

    def __init__(self, folder, long_side=640, threshold=0.6, overlap=0.3):
        self.session = session(folder / "yunet_n_dynamic.onnx")
        self.names = [output.name for output in self.session.get_outputs()]
        self.long_side, self.threshold, self.overlap = long_side, threshold, overlap
        self.grids = {}

    def __call__(self, picture):
        height, width = picture.shape[:2]
        scale = self.long_side / max(height, width)
        small = picture if scale == 1 else cv2.resize(picture, (round(width * scale), round(height * scale)))
        down, across = -(-small.shape[0] // 32) * 32, -(-small.shape[1] // 32) * 32
        padded = cv2.copyMakeBorder(small, 0, down - small.shape[0], 0, across - small.shape[1], cv2.BORDER_CONSTANT)
        outputs = dict(zip(self.names, self.session.run(None, {"input": cv2.dnn.blobFromImage(padded)})))
        found = []
        for stride in (8, 16, 32):
            score = np.sqrt(np.clip(outputs[f"cls_{stride}"], 0, 1) * np.clip(outputs[f"obj_{stride}"], 0, 1))[0, :, 0]
            keep = np.flatnonzero(score > self.threshold)
            if not len(keep):
                continue
            columns = across // stride
            corner = np.stack([keep % columns, keep // columns], 1).astype(np.float32)
            box, points = outputs[f"bbox_{stride}"][0, keep], outputs[f"kps_{stride}"][0, keep]
            centre, size = (corner + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride
            marks = (points.reshape(-1, 5, 2) + corner[:, None]) * stride
            found.append(np.concatenate([centre - size / 2, size, marks.reshape(-1, 10), score[keep, None]], 1))
        if not found:
            return np.zeros((0, 15), np.float32)
        rows = np.concatenate(found)
        kept = cv2.dnn.NMSBoxes(rows[:, :4].tolist(), rows[:, 14].tolist(), self.threshold, self.overlap)
        rows = rows[np.asarray(kept).reshape(-1)]
        rows[:, :14] /= scale
        return rows


def align(picture, marks, size=112):
    """Similarity alignment (Umeyama, least squares) to ArcFace's template."""
    source, target = marks.reshape(5, 2).astype(np.float64), ARCFACE_TEMPLATE.astype(np.float64) * (size / 112)
    a, b = source - source.mean(0), target - target.mean(0)
    real, imaginary = (a * b).sum(), (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()
    c, s = real / (a * a).sum(), imaginary / (a * a).sum()
    turn = np.array([[c, -s], [s, c]])
    shift = target.mean(0) - turn @ source.mean(0)
    return cv2.warpAffine(picture, np.column_stack([turn, shift]), (size, size), flags=cv2.INTER_LINEAR)


class FaceEncoder:
    """Embedding of length 1 of an aligned blue-green-red crop."""

    def __init__(self, folder, model="face_mbf_512"):
        self.session = session(folder / f"{model}.onnx")
        self.input = self.session.get_inputs()[0].name
        if model == "face_mbf_512":
            self.mean, self.deviation = np.float32(127.5), np.float32(127.5)
        else:
            self.mean = 255 * np.float32([0.485, 0.456, 0.406]).reshape(3, 1, 1)
            self.deviation = 255 * np.float32([0.229, 0.224, 0.225]).reshape(3, 1, 1)

    def __call__(self, crop):
        colours = crop[:, :, ::-1].transpose(2, 0, 1).astype(np.float32)
        output, = self.session.run(None, {self.input: ((colours - self.mean) / self.deviation)[None]})
        return output[0] / np.linalg.norm(output[0])


class VoiceActivity:
    """Silero: speech probability of each block of 512 samples at 16 kHz, its state kept between calls."""

    def __init__(self, folder):
        self.session = session(folder / "silero_vad_16k_op15.onnx")
        self.rate = np.array(16000, np.int64)
        self.state = np.zeros((2, 1, 128), np.float32)
        self.window = np.zeros((1, 576), np.float32)

    def __call__(self, block):
        self.window[0, :64] = self.window[0, 512:]
        self.window[0, 64:] = block
        probability, self.state = self.session.run(None, {"input": self.window, "state": self.state, "sr": self.rate})
        return float(probability[0, 0])


class VoiceEncoder:
    """x-vector of length 1 of samples at 16 kHz in -1...1."""

    def __init__(self, folder):
        import kaldi_native_fbank
        self.fbank = kaldi_native_fbank
        self.session = session(folder / "speaker_tdnn_512.onnx")
        self.options = kaldi_native_fbank.FbankOptions()
        self.options.frame_opts.samp_freq = 16000
        self.options.frame_opts.dither = 0
        self.options.frame_opts.window_type = "hamming"
        self.options.mel_opts.num_bins = 80
        self.options.mel_opts.low_freq = 20
        self.options.mel_opts.high_freq = 8000

    def features(self, samples):
        bank = self.fbank.OnlineFbank(self.options)
        bank.accept_waveform(16000, samples.tolist())
        bank.input_finished()
        frames = np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)])
        return frames - frames.mean(0)

    def __call__(self, samples):
        output, = self.session.run(None, {"input": self.features(samples)[None]})
        return output[0] / np.linalg.norm(output[0])


class ActiveSpeaker:
    """LR-ASD: a logit per frame of grey 112x112 face crops [T, 112, 112] at 25 fps and samples from the first one's time on."""

    def __init__(self, folder):
        self.session = session(folder / "lr_asd_ava.onnx")

    def __call__(self, crops, samples):
        from python_speech_features import mfcc
        count = len(crops)
        padded = np.zeros(count * 640 + 400, np.float32)
        padded[:min(len(samples), len(padded))] = samples[:len(padded)]
        features = mfcc(padded * 32768, 16000, winlen=0.025, winstep=0.010, numcep=13)[:4 * count].astype(np.float32)
        return self.session.run(None, {"mfcc": features[None], "faces": crops[None].astype(np.float32)})[0]
