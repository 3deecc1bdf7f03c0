// Trains one of the encoders on numbers that mean nothing, and says how fast and in how much memory: our half of Benchmarks/training.py.
//
//     training-bench ARCHITECTURE --batch N --threads N --seconds S [--classes N] [--export FILE.onnx]
//
// One line of JSON. A step is forward, cross-entropy over the classes, backward and Adam. --export writes the network, the input that it was given and what
// it made of that, in evaluation, beside the network as .f32 files: what the other half takes its weights from and is compared with.
import Foundation
import Glibc
import ModelBundle
import Tensors
import Training

func option(_ name: String) -> String? {
    guard let index = CommandLine.arguments.firstIndex(of: "--" + name), index + 1 < CommandLine.arguments.count else { return nil }
    return CommandLine.arguments[index + 1]
}

guard CommandLine.arguments.count > 1, let architecture = EncoderArchitecture(rawValue: CommandLine.arguments[1]),
    let batch = option("batch").flatMap(Int.init), let threads = option("threads").flatMap(Int.init), let seconds = option("seconds").flatMap(Double.init)
else {
    print("training-bench \(EncoderArchitecture.allCases.map(\.rawValue).joined(separator: "|")) --batch N --threads N --seconds S [--classes N] [--export FILE.onnx]")
    exit(64)
}
let classes = option("classes").flatMap(Int.init) ?? 64
try TorchRuntime.setThreadCount(threads)

let network = try architecture.graph(dimension: 256, seed: 1)
let graph = try TrainableGraph(network)
let shape: [Int] = switch architecture {
case .mobileFaceNet, .mobileFaceNetMedium, .mobileFaceNetGated, .mobileFaceNetSmall, .resNet18: [batch, 3, 112, 112]
case .depthwiseTDNN, .gatedTDNN: [batch, 200, 80]
}
var generator = SplitMix64(seed: 7)
let input = Tensor(shape: shape, values: (0..<Tensor.elementCount(shape)).map { _ in 2 * generator.unit() - 1 })
let labels = (0..<batch).map { ($0 * 31) % classes }

if let path = option("export") {
    let y = try TorchRuntime.withoutGradients { try graph(TorchTensor(input)) }.tensor()
    try network.onnx().write(to: URL(fileURLWithPath: path))
    for (name, tensor) in [("input", input), ("output", y)] {
        try Data(tensor.bytes).write(to: URL(fileURLWithPath: path).deletingPathExtension().appendingPathExtension("\(name).f32"))
    }
}

graph.isTraining = true
let x = try TorchTensor(input)
let head = try TorchTensor(Tensor(shape: [256, classes], values: (0..<256 * classes).map { _ in (2 * generator.unit() - 1) / 16 }))
try head.setRequiresGradient(true)
let weights = graph.parameters.map(\.tensor) + [head]
let adam = try Adam(weights, learningRate: 1e-3)

@MainActor func step() throws -> Double {
    for weight in weights { try weight.setGradient(nil) }
    let loss = try CrossEntropy()(logits: graph(x).matmul(head) * 16, labels: labels)
    try loss.backward()
    try adam.step()
    return try loss.item()
}

var first = 0.0, last = 0.0
for index in 0..<3 {
    last = try step()
    if index == 0 { first = last }
}
// Time of the processor, of all threads: what it says is steadier than the clock where others use the machine.
func processorSeconds() -> Double {
    var time = timespec()
    guard unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return .nan }
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
let clock = ContinuousClock(), processorBegin = processorSeconds()
var times: [Double] = [], begin = clock.now
let start = begin
while (begin - start) / .seconds(1) < seconds || times.count < 3 {
    last = try step()
    let now = clock.now
    times.append((now - begin) / .seconds(1))
    begin = now
}
let processor = processorSeconds() - processorBegin
let median = times.sorted()[times.count / 2]
let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
let peak = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) } ?? 0
print(
    """
    {"samples_per_second": \(Double(batch) / median), "samples_per_cpu_second": \(Double(batch * times.count) / processor), "peak_mib": \(peak / 1024), "steps": \(times.count), "weights": \(network.parameterCount), \
    "first_loss": \(first), "last_loss": \(last), "libtorch": "\(TorchRuntime.version)"}
    """)
