"""Makes small_network.onnx: a small convolutional network as a file, to be damaged by HostileGraphTests.

Made with Python 3.11, numpy and onnx 1.23.2. Run:
    python3 make_small_network.py
"""
import os
import numpy as np, onnx
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


if __name__ == "__main__":
    small_network()
