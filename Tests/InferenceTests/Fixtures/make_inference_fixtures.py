"""Makes the fixtures of InferenceTests.

small_network.onnx        a small convolutional network as a file, to be damaged
reference_outputs.json    outputs of onnxruntime for the public reference models, on inputs that are a hash of the index

Made with Python 3.11, numpy, onnx and onnxruntime (versions are written into the JSON). Run:
    python3 make_inference_fixtures.py FOLDER_OF_REFERENCE_MODELS
Outputs with more than 1024 elements are thinned: every STRIDE-th element is kept.
"""
import json, os, sys
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))


def noise(count, seed):
    """lowbias32 hash of index + seed * 0x9E3779B9, in -1 ... 1; the same as `noise` in GraphBuilding.swift."""
    with np.errstate(over="ignore"):
        u = np.arange(count, dtype=np.uint32) + np.uint32((seed * 0x9E3779B9) & 0xFFFFFFFF)
        u ^= u >> np.uint32(16)
        u *= np.uint32(0x7FEB352D)
        u ^= u >> np.uint32(15)
        u *= np.uint32(0x846CA68B)
        u ^= u >> np.uint32(16)
    return (u / 4294967296).astype(np.float32) * np.float32(2) - np.float32(1)


def small_network():
    def weight(name, shape, seed):
        return numpy_helper.from_array(noise(int(np.prod(shape)), seed).reshape(shape), name)

    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=4),
        helper.make_node("PRelu", ["c2", "slope"], ["p2"]),
        helper.make_node("MaxPool", ["p2"], ["m"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Shape", ["m"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"], axis=0),
        helper.make_node("Concat", ["n", "minus"], ["to"], axis=0),
        helper.make_node("Reshape", ["m", "to"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w3", "b3"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes, "small", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 12, 12])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        [weight("w1", [4, 3, 3, 3], 1), weight("b1", [4], 2), weight("w2", [4, 1, 3, 3], 3), weight("slope", [4, 1, 1], 4), weight("w3", [3, 36], 5),
         weight("b3", [3], 6), numpy_helper.from_array(np.array([0], np.int64), "zero"), numpy_helper.from_array(np.array([-1], np.int64), "minus")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, os.path.join(HERE, "small_network.onnx"))


# Model, input shapes, outputs (None: the graph's), inputs bound to a whole number.
CASES = [
    ("yunet_n_dynamic.onnx", {"input": [1, 3, 96, 160]}, None, {}),
    ("yunet_n_320_320.onnx", {"input": [1, 3, 320, 320]}, None, {}),
    ("face_mbf_512.onnx", {"input.1": [1, 3, 112, 112]}, None, {}),
    ("mobilefacenet_128.onnx", {"input0": [1, 3, 112, 112]}, None, {}),
    ("face_mesh_468.onnx", {"input_1": [1, 3, 192, 192]}, None, {}),
    ("ulfg_rfb_320.onnx", {"input": [1, 3, 240, 320]}, None, {}),
    ("speaker_tdnn_512.onnx", {"input": [1, 87, 80]}, None, {}),
    ("lr_asd_ava.onnx", {"mfcc": [1, 36, 13], "faces": [1, 9, 112, 112]}, ["/fusion/Mul_output_0"], {}),
    ("lr_asd_ava.onnx", {"mfcc": [1, 36, 13], "faces": [1, 9, 112, 112]}, None, {}),
    ("silero_vad_16k_op15.onnx", {"input": [1, 576], "state": [2, 1, 128]}, None, {"sr": 16000}),
]


def reference_outputs(folder):
    cases = []
    for file, shapes, outputs, constants in CASES:
        model = onnx.load(os.path.join(folder, file))
        if outputs:
            del model.graph.output[:]
            model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        feed = {name: noise(int(np.prod(shape)), index + 1).reshape(shape) for index, (name, shape) in enumerate(shapes.items())}
        feed.update({name: np.array(value, np.int64) for name, value in constants.items()})
        results = []
        for output, value in zip(session.get_outputs(), session.run(None, feed)):
            stride = max(1, value.size // 1024)
            results.append({"name": output.name, "shape": list(value.shape), "stride": stride, "scale": float(np.abs(value).max()),
                            "values": [float(f"{x:.7g}") for x in value.reshape(-1)[::stride]]})
        cases.append({"model": file, "inputs": [{"name": n, "shape": s} for n, s in shapes.items()], "cut": outputs or [],
                      "constants": [{"name": n, "value": v} for n, v in constants.items()], "outputs": results})
    versions = {"numpy": np.__version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    with open(os.path.join(HERE, "reference_outputs.json"), "w") as file:
        json.dump({"versions": versions, "cases": cases}, file, separators=(",", ":"))


if __name__ == "__main__":
    small_network()
    reference_outputs(sys.argv[1])
