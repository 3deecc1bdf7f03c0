#!/usr/bin/env python3
"""What onnxruntime says of tuned.onnx, which `QuantizationAwareTunerTests` writes where FWOC_FIXTURES names this folder.

    FWOC_FIXTURES=$PWD/Tests/QuantizationTests/Fixtures swift test -c release --filter onnxruntime
    python3 Tests/QuantizationTests/Fixtures/tuned.py

Made with numpy 2.4.6, onnxruntime 1.31.1; seed 5. Graph optimisations are off: every pair of QuantizeLinear and DequantizeLinear runs as written.
"""
import pathlib

import numpy
import onnxruntime

folder = pathlib.Path(__file__).parent
inputs = numpy.random.default_rng(5).standard_normal((16, 3, 9, 7)).astype(numpy.float32)
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
session = onnxruntime.InferenceSession(str(folder / "tuned.onnx"), options, providers=["CPUExecutionProvider"])
outputs = session.run(None, {"x": inputs})[0]
numpy.save(folder / "tuned-inputs.npy", inputs)
numpy.save(folder / "tuned-outputs.npy", outputs)
print(outputs.shape, outputs.min(), outputs.max())
