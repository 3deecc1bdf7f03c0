"""Milliseconds of each reference model in onnxruntime on one thread: the yardstick for the float runtime.

    FWOC_REFERENCE_MODELS=DIR python3 models.py [--reference-models DIR] [--seconds 1.0] [--json FILE] [--only WORD]

Prints one row a model and shape: the fastest run, the median, runs a second, and resident memory that the
session and its first run added. Inputs are seeded noise: none of these networks is faster on other values.
Pin it to a quiet core (`taskset -c 1`). Written for onnxruntime 1.31, numpy 2.4, Python 3.11.
"""

import argparse
import json
import statistics
import time

import numpy as np

import reference_models


def shapes():
    """(row, model file, inputs) in the order of the table."""
    rng = np.random.default_rng(1)

    def picture(*shape):
        return rng.uniform(0, 255, shape).astype(np.float32)

    def normal(*shape):
        return rng.normal(size=shape).astype(np.float32)

    yield "YuNet 640x384", "yunet_n_dynamic.onnx", {"input": picture(1, 3, 384, 640)}
    yield "YuNet 640x640", "yunet_n_dynamic.onnx", {"input": picture(1, 3, 640, 640)}
    yield "YuNet 320x192", "yunet_n_dynamic.onnx", {"input": picture(1, 3, 192, 320)}
    yield "YuNet 640x640, fixed shape", "yunet_n_640_640.onnx", {"input": picture(1, 3, 640, 640)}
    yield "RFB 320x240", "ulfg_rfb_320.onnx", {"input": normal(1, 3, 240, 320)}
    yield "face_mbf_512, 112x112", "face_mbf_512.onnx", {"input.1": normal(1, 3, 112, 112)}
    yield "face_mbf_512, batch of 4", "face_mbf_512.onnx", {"input.1": normal(4, 3, 112, 112)}
    yield "mobilefacenet_128, 112x112", "mobilefacenet_128.onnx", {"input0": normal(1, 3, 112, 112)}
    yield "face mesh, 192x192", "face_mesh_468.onnx", {"input_1": picture(1, 3, 192, 192) / 255}
    for frames in (150, 300):
        yield f"speaker, {frames} frames", "speaker_tdnn_512.onnx", {"input": normal(1, frames, 80)}
    vad = {"input": normal(1, 576) * np.float32(0.1), "state": np.zeros((2, 1, 128), np.float32), "sr": np.array(16000)}
    yield "Silero, one block of 32 ms", "silero_vad_16k_op15.onnx", vad
    for frames in (25, 50, 100):
        inputs = {"mfcc": normal(1, 4 * frames, 13), "faces": picture(1, frames, 112, 112)}
        yield f"LR-ASD, {frames} frames", "lr_asd_ava.onnx", inputs


def measure(path, inputs, seconds):
    before = reference_models.resident_mib()
    session = reference_models.session(path)
    session.run(None, inputs)
    added = reference_models.resident_mib() - before
    for _ in range(3):
        session.run(None, inputs)
    runs, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(runs) < 5:
        start = time.perf_counter()
        session.run(None, inputs)
        runs.append(1000 * (time.perf_counter() - start))
    return {"fastest_ms": min(runs), "median_ms": statistics.median(runs), "runs": len(runs), "added_mib": added}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference-models", default=reference_models.default_folder())
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each row is measured")
    parser.add_argument("--json", help="file for the record")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    options = parser.parse_args()
    folder = reference_models.existing_folder(options.reference_models)
    record = {"processor": reference_models.processor(), **reference_models.versions(), "rows": []}
    print(f"{record['processor']}, onnxruntime {record['onnxruntime']}, one thread")
    print(f"{'':30}{'fastest ms':>12}{'median ms':>12}{'a second':>10}{'MiB':>8}")
    for row, model, inputs in shapes():
        if options.only.lower() not in row.lower():
            continue
        result = measure(folder / model, inputs, options.seconds)
        record["rows"].append({"row": row, "model": model} | result)
        print(f"{row:30}{result['fastest_ms']:12.2f}{result['median_ms']:12.2f}"
              f"{1000 / result['median_ms']:10.0f}{result['added_mib']:8.1f}", flush=True)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(record, file, indent=1)


if __name__ == "__main__":
    main()
