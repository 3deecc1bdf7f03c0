"""PyTorch's half of Benchmarks/training.py: the networks of Sources/Training/Networks written as one writes them in PyTorch.

python Benchmarks/peer/training.py ARCHITECTURE --model FILE.onnx --batch N --threads N --seconds S --layout default|channels_last [--classes N]

Takes its weights from the exported network, compares what it makes of the exported input with what ours made of it, then trains like ours and prints
one line of JSON.
"""
import argparse
import json
import resource
import time

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from torch import nn


def unit(inputs, outputs, kernel, stride=1, groups=1, padding=None, linear=False):
    padding = kernel // 2 if padding is None else padding
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([] if linear else [nn.PReLU(outputs)]))


class Bottleneck(nn.Module):
    def __init__(self, inputs, outputs, expansion, stride):
        super().__init__()
        inner = inputs * expansion
        self.layers = nn.Sequential(unit(inputs, inner, 1), unit(inner, inner, 3, stride, inner), unit(inner, outputs, 1, linear=True))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.layers(x) if self.adds else self.layers(x)


def mobile_face_net(width, deep):
    layers = [unit(3, width, 3, 2), unit(width, width, 3, groups=width)]
    stages = [(1, 2, 5), (2, 4, 1), (2, 2, 6), (2, 4, 1), (2, 2, 2)] if deep else [(1, 2, 3), (2, 4, 1), (2, 2, 4), (2, 4, 1), (2, 2, 2)]
    channels = width
    for index, (factor, expansion, count) in enumerate(stages):
        for block in range(count):
            layers.append(Bottleneck(channels, width * factor, expansion, 2 if block == 0 and index not in (2, 4) else 1))
            channels = width * factor
    layers += [unit(channels, 8 * width, 1), unit(8 * width, 8 * width, 7, groups=8 * width, padding=0, linear=True), nn.Flatten(), nn.Linear(8 * width, 256)]
    return nn.Sequential(*layers)


class DepthwiseTDNN(nn.Module):
    def __init__(self, channels=256):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv1d(80, channels, 5, padding=2, bias=False), nn.BatchNorm1d(channels), nn.ReLU())
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(channels, channels, 5, padding=2 * d, dilation=d, groups=channels, bias=False), nn.BatchNorm1d(channels), nn.ReLU(),
                nn.Conv1d(channels, channels, 1, bias=False), nn.BatchNorm1d(channels))
            for d in (1, 2, 3, 4))
        self.wide = nn.Sequential(nn.Conv1d(channels, 2 * channels, 1, bias=False), nn.BatchNorm1d(2 * channels), nn.ReLU())
        self.embedding = nn.Linear(4 * channels, 256)

    def forward(self, frames):
        x = self.stem(frames.transpose(1, 2))
        for block in self.blocks:
            x = torch.relu(x + block(x))
        x = self.wide(x)
        mean = x.mean(2)
        deviation = ((x - mean[:, :, None]) ** 2).mean(2).add(1e-5).sqrt()
        return self.embedding(torch.cat([mean, deviation], 1))


NETWORKS = {
    "mobilefacenet": (lambda: mobile_face_net(64, True), lambda n: (n, 3, 112, 112)),
    "mobilefacenet-small": (lambda: mobile_face_net(32, False), lambda n: (n, 3, 112, 112)),
    "depthwise-tdnn": (DepthwiseTDNN, lambda n: (n, 200, 80)),
}


def load(network, path):
    """Weights in the order in which the nodes use them, which is the order of PyTorch's modules."""
    model = onnx.load(path)
    tensors = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    used = []
    for node in model.graph.node:
        if node.op_type in ("Conv", "BatchNormalization", "PRelu", "Gemm", "MatMul", "Add"):
            used += [name for name in (node.input[:3] if node.op_type == "BatchNormalization" else node.input) if name in tensors and name not in used]
    given = [tensors[name] for name in used if tensors[name].dtype == np.float32 and tensors[name].size > 1]
    own = list(network.parameters())
    if len(given) != len(own):
        raise SystemExit(f"{path} has {len(given)} weights, the PyTorch network {len(own)}")
    with torch.no_grad():
        for target, source in zip(own, given):
            if target.ndim == 2 and tuple(source.shape) != tuple(target.shape):
                source = source.T
            target.copy_(torch.from_numpy(source.copy()).reshape(target.shape))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("architecture", choices=NETWORKS)
    parser.add_argument("--model", required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--layout", choices=["default", "channels_last"], required=True)
    parser.add_argument("--classes", type=int, default=64)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    make, shape = NETWORKS[arguments.architecture]
    network = make()
    load(network, arguments.model)
    x = torch.from_numpy(np.fromfile(arguments.model.replace(".onnx", ".input.f32"), np.float32).reshape(shape(arguments.batch)))
    expected = np.fromfile(arguments.model.replace(".onnx", ".output.f32"), np.float32).reshape(arguments.batch, 256)
    network.eval()
    with torch.no_grad():
        error = float(np.abs(nn.functional.normalize(network(x)).numpy() - expected).max())
    if error > 1e-4:
        raise SystemExit(f"the PyTorch network is not the same: its embeddings differ by {error}")
    network.train()
    head = nn.Parameter((torch.rand(256, arguments.classes) * 2 - 1) / 16)
    if arguments.layout == "channels_last" and x.ndim == 4:
        network = network.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    labels = torch.arange(arguments.batch) * 31 % arguments.classes
    # The fastest of PyTorch's own.
    adam = torch.optim.Adam([*network.parameters(), head], lr=1e-3, fused=True)

    def step():
        adam.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(nn.functional.normalize(network(x)) @ head * 16, labels)
        loss.backward()
        adam.step()
        return loss.item()

    for _ in range(3):
        step()
    times, start, cpu = [], time.perf_counter(), time.process_time()
    begin = start
    while begin - start < arguments.seconds or len(times) < 3:
        step()
        now = time.perf_counter()
        times.append(now - begin)
        begin = now
    cpu = time.process_time() - cpu
    print(json.dumps({
        "samples_per_second": arguments.batch / sorted(times)[len(times) // 2], "samples_per_cpu_second": arguments.batch * len(times) / cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "steps": len(times),
        "weights": sum(p.numel() for p in network.parameters()), "difference": error, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
