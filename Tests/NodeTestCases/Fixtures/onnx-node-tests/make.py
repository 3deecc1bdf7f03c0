"""ONNX's own backend tests for the operators that Inference implements, in a form that needs no Python to read.

The pip package `onnx` carries the node tests as code (`onnx.backend.test.case.node`), and PyTorch's as data
(`onnx/backend/test/data/pytorch-*`). Writes beside itself

    cases.bin     models (.onnx) and tensors (.npy, version 1.0), one after the other, each at a multiple of 64 bytes
    index.json    what lies where, and what was left out and why

    python3 make.py

Made with Python 3.11, onnx 1.23.2, numpy 2.4.6, onnxruntime 1.31.1; the case generators are seeded with 0.
Licence of the cases: Apache-2.0 (ONNX).

index.json
    cases[]       name; suite (node, pytorch-converted, pytorch-operator); operator, the one that the case is for;
                  operators, all that its graph uses; opset; required: none of `operators` is in `optional_operators`;
                  rtol and atol as ONNX sets them: |got - expected| <= atol + rtol * |expected|, and not-a-number and
                  infinities in the same places; onnxruntime: passes, differs or refuses (that version of it);
                  model, inputs[], outputs[]: offset and length in cases.bin, and for tensors their graph name, dtype and
                  shape. Inputs and outputs that the node leaves empty are not listed.
    left_out[]    name, operator, reason: cases for these operators that are not in cases.bin.
"""

import collections
import io
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

HERE = Path(__file__).resolve().parent

REQUIRED = set("""
Abs Add ArgMax AveragePool BatchNormalization Cast Clip Concat Constant ConstantOfShape Conv ConvTranspose DequantizeLinear
Div Equal Erf Exp Expand Flatten GRU Gather Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid
HardSwish Identity If InstanceNormalization LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LpNormalization MatMul Max
MaxPool Min Mul Neg Not PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear Range ReduceL1 ReduceL2 ReduceLogSum
ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize Shape Sigmoid Size
Slice Softmax Split Sqrt Squeeze Sub Tanh Tile Transpose Unsqueeze Where
""".split())

# Near relatives, cheap to have; ONNX's expansions of the required operators use some of them.
OPTIONAL = set("""
And ArgMin CastLike Ceil Celu DepthToSpace Dropout Elu Floor GatherElements GroupNormalization LogSoftmax Mish Mod Or Reciprocal
Round Selu Sign Softplus Softsign Sum Mean Xor
Acos Acosh Asin Asinh Atan Atanh ConvInteger Cos Cosh CumSum DynamicQuantizeLinear GatherND IsInf IsNaN LRN MatMulInteger OneHot RNN
ScatterElements ScatterND Sin Sinh SpaceToDepth Tan ThresholdedRelu TopK
""".split())

# Cases of more bytes stay out: three of PyTorch's, 9.4 MB together, of convolution and maximum that others cover.
LARGEST = 800_000

ELEMENT_TYPES = set("float32 float64 int8 uint8 int16 uint16 int32 uint32 int64 uint64 bool".split())


def nodes_of(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from nodes_of(attribute.g)


def element_type(code):
    try:
        return str(onnx.helper.tensor_dtype_to_np_dtype(code))
    except KeyError:
        return onnx.TensorProto.DataType.Name(code)


def plain(tensor):
    """NumPy array of a case's tensor: some are scalars, some ONNX tensors. Sequences and missing values stay what they are."""
    if isinstance(tensor, onnx.TensorProto):
        return numpy_helper.to_array(tensor)
    return np.asarray(tensor) if isinstance(tensor, (np.ndarray, np.generic)) else tensor


def unsupported(model, tensors):
    """Why a case cannot be run without types or operators outside the two lists, or None."""
    for value in [*model.graph.input, *model.graph.output]:
        kind = value.type.WhichOneof("value")
        if kind != "tensor_type":
            return kind.replace("_type", "") + " value"
        name = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
        if {"float": "float32", "double": "float64"}.get(name, name) not in ELEMENT_TYPES:
            return f"element type {name}"
    for tensor in tensors:
        if not isinstance(tensor, np.ndarray) or str(tensor.dtype) not in ELEMENT_TYPES:
            return f"element type {getattr(tensor, 'dtype', type(tensor).__name__)}"
    for node in nodes_of(model.graph):
        if node.domain not in ("", "ai.onnx"):
            return f"domain {node.domain}"
        if node.op_type not in REQUIRED | OPTIONAL:
            return f"uses {node.op_type}"
        for attribute in node.attribute:
            code = attribute.i if (node.op_type, attribute.name) == ("Cast", "to") else attribute.t.data_type
            if code and element_type(code) not in ELEMENT_TYPES:
                return f"element type {element_type(code)}"
    return None


def agrees(got, expected, rtol, atol):
    if got.dtype != expected.dtype or got.shape != expected.shape:
        return False
    if expected.dtype.kind == "f":
        return np.allclose(got, expected, rtol=rtol, atol=atol, equal_nan=True)
    return np.array_equal(got, expected)


def onnxruntime_says(model, inputs, outputs, rtol, atol):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        results = session.run(None, {value.name: tensor for value, tensor in zip(model.graph.input, inputs)})
    except Exception:  # onnxruntime raises unrelated types; any of them means that it will not run the case
        return "refuses"
    passes = all(agrees(got, expected, rtol, atol) for got, expected in zip(results, outputs))
    return "passes" if passes else "differs"


def pytorch_cases(suite):
    """The cases of one data folder: name, model, inputs, outputs."""
    for folder in sorted((Path(onnx.__file__).parent / "backend/test/data" / suite).iterdir()):
        model = onnx.load(folder / "model.onnx")
        data = folder / "test_data_set_0"

        def tensors(kind, count):
            return [numpy_helper.to_array(onnx.load_tensor(data / f"{kind}_{i}.pb")) for i in range(count)]

        weights = {tensor.name for tensor in model.graph.initializer}
        fed = [value for value in model.graph.input if value.name not in weights]
        assert len(list(data.glob("input_*.pb"))) == len(fed), folder.name
        yield folder.name, model, tensors("input", len(fed)), tensors("output", len(model.graph.output)), 1e-3, 1e-7


def node_cases():
    np.random.seed(0)
    for case in collect_testcases(None):
        (inputs, outputs), = case.data_sets
        yield case.name, case.model, inputs, outputs, case.rtol, case.atol


class Archive:
    """Pieces one after the other at multiples of 64 bytes."""

    def __init__(self):
        self.bytes = bytearray()

    def add(self, piece):
        self.bytes += b"\0" * (-len(self.bytes) % 64)
        place = {"offset": len(self.bytes), "length": len(piece)}
        self.bytes += piece
        return place

    def add_tensor(self, name, tensor):
        stream = io.BytesIO()
        tensor = np.asarray(tensor)
        np.lib.format.write_array(stream, np.ascontiguousarray(tensor).reshape(tensor.shape), version=(1, 0))
        return {"name": name, "dtype": str(tensor.dtype), "shape": list(tensor.shape)} | self.add(stream.getvalue())


def main():
    archive, cases, left_out = Archive(), [], []
    suites = [("node", node_cases())]
    suites += [(suite, pytorch_cases(suite)) for suite in ("pytorch-converted", "pytorch-operator")]
    for suite, source in suites:
        subject = None
        for name, model, inputs, outputs, rtol, atol in source:
            used = sorted({node.op_type for node in nodes_of(model.graph)})
            if suite != "node":
                subject = next((op for op in used if op not in ("Constant", "Reshape", "Transpose", "Add")), used[0])
            elif "_expanded" not in name:
                subject = model.graph.node[0].op_type if len(model.graph.node) == 1 else used[0]
            if subject not in REQUIRED | OPTIONAL:
                continue
            inputs, outputs = [plain(t) for t in inputs], [plain(t) for t in outputs]
            reason = unsupported(model, [*inputs, *outputs])
            opset = next((i.version for i in model.opset_import if i.domain in ("", "ai.onnx")), 1)
            verdict = None if reason else onnxruntime_says(model, inputs, outputs, rtol, atol)
            size = 0 if reason else model.ByteSize() + sum(tensor.nbytes for tensor in [*inputs, *outputs])
            if opset < 7 and verdict == "refuses":
                reason = f"opset {opset}, which onnxruntime refuses too"
            elif size > LARGEST:
                reason = f"{size} bytes"
            if reason:
                left_out.append({"name": name, "suite": suite, "operator": subject, "reason": reason})
                continue
            weights = {tensor.name for tensor in model.graph.initializer}
            fed = [value.name for value in model.graph.input if value.name not in weights]
            cases.append({
                "name": name, "suite": suite, "operator": subject, "operators": used,
                "opset": opset, "required": not OPTIONAL & set(used), "rtol": rtol, "atol": atol, "onnxruntime": verdict,
                "model": archive.add(model.SerializeToString()),
                "inputs": [archive.add_tensor(n, t) for n, t in zip(fed, inputs, strict=True)],
                "outputs": [archive.add_tensor(v.name, t) for v, t in zip(model.graph.output, outputs, strict=True)]})
    index = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__,
             "optional_operators": sorted(OPTIONAL), "cases": None, "left_out": None}
    lines = json.dumps(index)
    for key, rows in (("cases", cases), ("left_out", left_out)):
        body = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
        lines = lines.replace(f'"{key}": null', f'"{key}": [\n{body}\n]')
    (HERE / "index.json").write_text(lines + "\n")
    (HERE / "cases.bin").write_bytes(archive.bytes)

    counts = collections.Counter(case["operator"] for case in cases)
    missing = collections.Counter(case["operator"] for case in left_out)
    for title, operators in (("required", REQUIRED), ("optional", OPTIONAL)):
        print(f"{title}:", ", ".join(f"{op} {counts[op]}" + (f" (-{missing[op]})" if missing[op] else "") for op in sorted(operators)))
    print(len(cases), "cases,", sum(case["required"] for case in cases), "of them required;", len(left_out), "left out")
    print("onnxruntime:", dict(collections.Counter(case["onnxruntime"] for case in cases)))
    print(f"cases.bin {len(archive.bytes) / 1e6:.2f} MB, index.json {len(lines) / 1e6:.2f} MB")


if __name__ == "__main__":
    if len(sys.argv) != 1:
        sys.exit("usage: make.py")
    main()
