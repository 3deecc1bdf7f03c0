// One process of several that train together, for the tests that start, compare and kill it. Who it is comes from the environment
// (MASTER_ADDR, MASTER_PORT, RANK, WORLD_SIZE); alone it trains with whole batches.
//
//     distributed-trainer train plain|normalized STEPS FILE TIMEOUT    a small network; its weights, then running statistics before and after averaging, to FILE
//     distributed-trainer exchange TIMEOUT                             every exchange once, results as lines
import Foundation
import ModelBundle
import Tensors
import Training

// Lines come out at once, also of a process that is killed.
func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

func fail(_ error: any Error) -> Never {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}

func noise(_ shape: [Int], seed: UInt64) -> Tensor {
    var generator = SplitMix64(seed: seed)
    return Tensor(shape: shape, values: (0..<Tensor.elementCount(shape)).map { _ in 2 * generator.unit() - 1 })
}

/// An odd batch, so that the parts differ.
let batch = 13, side = 11, classes = 5

func network(isNormalized: Bool) throws -> Graph {
    var net = GraphBuilder(name: "small", seed: 3)
    var x = net.input("x", [.free("batch"), .fixed(3), .fixed(side), .fixed(side)])
    x = net.convolution(x, 8, kernel: 3, stride: 2)
    if isNormalized { x = net.batchNormalization(x) }
    x = net.convolution(net.relu(x), 7, kernel: 3, stride: 2)
    return try net.graph(outputs: ["logits": net.linear(net.flatten(net.relu(x)), classes)])
}

func train(_ group: ProcessGroup?, isNormalized: Bool, steps: Int, file: String) throws {
    let graph = try TrainableGraph(try network(isNormalized: isNormalized))
    let weights = graph.parameters.map(\.tensor)
    // Other weights on other ranks, to see that the broadcast makes them equal.
    if let group, group.rank > 0 { for weight in weights { try weight.copyInPlace(weight * Double(group.rank + 1)) } }
    try group?.broadcast(weights + graph.statistics.map(\.tensor))
    let adam = try Adam(weights, learningRate: 1e-3)
    graph.isTraining = true
    let rank = group?.rank ?? 0, size = group?.size ?? 1
    // A batch that every process could hold alone when it is normalised: parts must be equal for running means to average to the whole's.
    let count = isNormalized ? batch - 1 : batch
    let part = count * rank / size..<count * (rank + 1) / size
    for step in 0..<steps {
        let whole = noise([count, 3, side, side], seed: UInt64(step))
        let stride = 3 * side * side
        let values: [Float] = whole.values()
        let x = Tensor(shape: [part.count, 3, side, side], values: Array(values[part.lowerBound * stride..<part.upperBound * stride]))
        try graph.removeGradients()
        let loss = try CrossEntropy()(logits: graph(TorchTensor(x)), labels: part.map { ($0 + step) % classes })
        try (loss * (Double(part.count) / Double(count))).backward()
        try group?.sumGradients(of: weights)
        try adam.step()
        say("step \(step)")
    }
    var written = Data()
    func write(_ tensors: [TorchTensor]) throws { for tensor in tensors { written += Data(try tensor.tensor().bytes) } }
    let statistics = graph.statistics.map(\.tensor)
    try write(weights)
    try write(statistics)
    try group?.average(statistics)
    try write(statistics)
    try group?.barrier()
    try written.write(to: URL(fileURLWithPath: file))
}

func exchange(_ group: ProcessGroup) throws {
    let rank = Double(group.rank)
    func show(_ name: String, _ tensor: TorchTensor) throws { say("\(name) \(tensor.shape) \(try tensor.doubles())") }
    func refusal(_ body: () throws -> Void) -> String {
        do { try body() } catch { return "\(error)" }
        return "nothing"
    }
    // Pictures that lie channels-last, a transposed matrix and a scalar: memory orders of every kind.
    let values = try [
        TorchTensor(noise([2, 3, 2, 2], seed: 1)).converted(layout: .channelsLast) * (rank + 1),
        TorchTensor((0..<6).map { Float($0) }, shape: [3, 2]).permuted([1, 0]), TorchTensor([Float(rank)], shape: []),
    ]
    try group.sum(values)
    for value in values { try show("sum", value) }
    let mean = try TorchTensor([rank, 10], shape: [2])
    try group.average([mean])
    try show("mean", mean)
    let given = try TorchTensor([Int64(7 * group.rank + 1), 2, 3], shape: [3])
    try group.broadcast([given])
    try show("broadcast", given)
    try show("gathered", group.gathered(TorchTensor([UInt8(group.rank), 9], shape: [1, 2])))
    // One weight that all learn, one that only rank 1 does, one that nobody does.
    let weights = try (0..<3).map { _ in try TorchTensor([Float(1), 2], shape: [2]) }
    for weight in weights { try weight.setRequiresGradient(true) }
    try weights[0].setGradient(TorchTensor([Float(rank + 1), -1], shape: [2]))
    if group.rank == 1 { try weights[1].setGradient(TorchTensor([Float(5), 6], shape: [2])) }
    try group.sumGradients(of: weights)
    for weight in weights { if let gradient = try weight.gradient() { try show("gradient", gradient) } else { say("gradient none") } }
    say("refused " + refusal { _ = try group.gathered(TorchTensor.zeros([group.rank + 1])) })
    say("refused " + refusal { try group.sum([TorchTensor.zeros([group.rank + 1])]) })
    say("refused " + refusal { try group.sum([TorchTensor.zeros([2]), TorchTensor.zeros([2], .float64)]) })
    // What was refused has not put the processes out of step.
    try group.barrier()
    say("end")
}

let arguments = CommandLine.arguments
do {
    try TorchRuntime.setThreadCount(1)
    let timeout = Duration.seconds(Double(arguments.last ?? "") ?? 10)
    let group = try ProcessGroup.fromEnvironment(timeout: timeout)
    switch arguments.dropFirst().first {
    case "train" where arguments.count == 6: try train(group, isNormalized: arguments[2] == "normalized", steps: Int(arguments[3]) ?? 0, file: arguments[4])
    case "exchange": if let group { try exchange(group) }
    default: exit(64)
    }
} catch {
    fail(error)
}
