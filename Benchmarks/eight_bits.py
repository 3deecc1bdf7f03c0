"""The networks of the bundle `edge` in eight bits beside the same networks in float, on one thread, for each set of vector instructions that this processor has.

    python3 eight_bits.py [--agent .build/release/fwoc-agent] [--runs 200] [--rounds 3] [--json FILE]

`float` is the eight-bit file without the pairs that round the values between its layers: the same weights, the same layers. Both are timed by
`fwoc-agent model bench`, in turns; counted is the fastest mean of --rounds. The peer is onnxruntime on the eight-bit file, with its own choice of instructions.
Needs numpy, onnx and onnxruntime (requirements.txt).
"""

import argparse
import json
import re
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx

PACKAGE = Path(__file__).resolve().parents[1]
NETWORKS = {
    "face-detector": {"picture": (1, 3, 384, 640)},
    "face": {"picture": (1, 3, 112, 112)},
    "voice": {"frames": (1, 300, 80)},
    "voice-activity": {"frames": (1, 300, 80)},
    "sync-video": {"mouths": (1, 60, 96, 96)},
    "sync-audio": {"frames": (1, 240, 80)},
}


def without_pairs(source, target):
    """Writes the network without what rounds values between its layers."""
    model = onnx.load(source)
    graph = model.graph
    rounded = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    instead = {node.output[0]: rounded[node.input[0]] for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in rounded}
    kept = [node for node in graph.node if node.op_type != "QuantizeLinear" and node.output[0] not in instead]
    for node in kept:
        for place, name in enumerate(node.input):
            node.input[place] = instead.get(name, name)
    del graph.node[:]
    graph.node.extend(kept)
    onnx.save(model, target)


def bench(agent, model, shapes, instructions, runs):
    given = [f"--shape={name}=" + "x".join(map(str, shape)) for name, shape in shapes.items()]
    command = [agent, "model", "bench", str(model), *given, "--layers", "0", "--runs", str(runs)]
    result = subprocess.run([*command, "--instructions", instructions], capture_output=True, text=True)
    if result.returncode:
        return None
    return float(re.search(r"mean ([0-9.]+) ms", result.stdout).group(1))


def peer(model, shapes, runs):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(1)
    inputs = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    session.run(None, inputs)
    start = time.perf_counter()
    for _ in range(runs):
        session.run(None, inputs)
    return 1000 * (time.perf_counter() - start) / runs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agent", default=str(PACKAGE / ".build/release/fwoc-agent"))
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="file for the record")
    options = parser.parse_args()
    rows = []
    print(f"{'':16}{'instructions':>14}{'eight bits ms':>15}{'float ms':>10}{'float / eight':>15}{'onnxruntime / eight':>21}")
    with tempfile.TemporaryDirectory() as folder:
        for name, shapes in NETWORKS.items():
            model, plain = PACKAGE / f"models/edge/{name}.onnx", Path(folder) / f"{name}.onnx"
            without_pairs(model, plain)
            other = min(peer(model, shapes, options.runs) for _ in range(options.rounds))
            for instructions in ["portable", "avx2", "avxVNNI", "avx512", "dot"]:
                times = [[bench(options.agent, file, shapes, instructions, options.runs) for file in (model, plain)] for _ in range(options.rounds)]
                if times[0][0] is None:
                    continue
                eight, whole = (min(row[place] for row in times) for place in (0, 1))
                rows.append({"network": name, "instructions": instructions, "eight_bits_ms": eight, "float_ms": whole, "onnxruntime_ms": other})
                print(f"{name:16}{instructions:>14}{eight:15.3f}{whole:10.3f}{whole / eight:15.2f}{other / eight:21.2f}", flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
