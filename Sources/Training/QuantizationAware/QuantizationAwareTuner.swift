import Foundation
public import ModelBundle
public import Quantization
public import Tensors

/// Fine-tunes layers of a network that becomes eight bits, so that what rounding took comes back: a student that is rounded in every run learns from its own
/// float network what that says of the same samples. No labels are needed.
///
///     L = mean over samples and outputs of   1 − cos(s, t) + |s − t|² / |t|²
///
/// s is the rounded network's output, t the float one's; the cosine is what embeddings are compared by, the second term is the ratio of noise to signal that
/// ``QuantizationReport`` measures. Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018;
/// gradients pass the rounding straight through (Bengio et al. 2013); the float network as its own teacher: Mishra and Marr, "Apprentice", ICLR 2018. How
/// weights are counted: ``LearningNetwork``.
///
/// A quarter of the samples does not teach: the weights that are best on it, of those at the start and at ``watches`` moments, are taken. They are rounded
/// for good and measured with `Inference` on the probes, and stay only if they are better there than what went in: never worse comes out.
///
/// The same seed, samples and number of threads give the same weights.
public struct QuantizationAwareTuner: Sendable {
    public var layers = LayerChoice.worst(8)
    /// Steps of Adam.
    public var steps = 200
    /// Samples of a step.
    public var batch = 16
    /// How far a weight moves in a step at most, about, in steps of its eight bits; falls to zero in half a cosine.
    public var rate = 0.03
    /// Of the order of the samples.
    public var seed: UInt64 = 1
    /// How often it is looked how good the weights are.
    public var watches = 10
    public var device = TorchDevice.cpu

    public init() {}

    /// How far it is.
    public struct Progress: Sendable {
        public var step: Int
        public var of: Int
        /// L of the step.
        public var loss: Double
    }

    /// - Parameters:
    ///   - network: calibrated.
    ///   - samples: what it learns from, as ``PostTrainingQuantizer/quantize(_:samples:probes:progress:)`` takes them; at least two. The calibration's will do.
    ///   - probes: what the report is measured on; others.
    /// - Returns: the eight-bit network that is better on the probes, and its report, whose `tunings` says what was tried.
    /// - Throws: ``QuantizationError`` for samples and names, ``FitError`` for a loss that is no number, ``TrainableGraphError`` for an operator that cannot be
    ///   trained.
    public func tune(
        _ network: CalibratedNetwork, samples: [[String: Tensor]], probes: [[String: Tensor]], progress: (Progress) -> Void = { _ in }
    ) throws -> (graph: Graph, report: QuantizationReport) {
        guard samples.count >= 2 else {
            throw QuantizationError(.calibration, "\(samples.count) samples to fine-tune '\(network.reference.name)' with; expected two or more, better some hundreds")
        }
        guard !probes.isEmpty else { throw QuantizationError(.calibration, "no probe to measure '\(network.reference.name)' on; expected some dozens of other samples") }
        let watched = max(1, samples.count / 4)
        let lessons = Array(samples.dropLast(watched)), watch = Array(samples.suffix(watched))
        if case .named(let names) = layers { try network.check(Set(names)) }
        let (plain, before) = try network.measured(on: probes)
        // Which layers are bad is found out where it does not flatter the report.
        var chosen = before
        if case .worst = layers { chosen = try network.measured(on: watch).report }
        let learning = try network.learning(layers.names(in: chosen))
        var tuning = QuantizationReport.Tuning(
            layers: learning.layers, samples: lessons.count, steps: steps, rate: rate, seed: seed, isKept: false, before: before.outputs, after: before.outputs,
            layersBefore: Dictionary(before.layers.map { ($0.value, $0.signalToNoise) }) { first, _ in first })
        guard let state = try learnt(learning, network.reference, lessons, watch, progress) else {
            var report = before
            report.tunings = [tuning]
            return (plain, report)
        }
        let (tuned, after) = try learning.learned(state).measured(on: probes)
        tuning.after = after.outputs
        tuning.isKept = Self.isBetter(after, than: before)
        var report = tuning.isKept ? after : before
        report.tunings = [tuning]
        return (tuning.isKept ? tuned : plain, report)
    }

    /// No worse by mean cosine and by noise, and better by one of them.
    static func isBetter(_ report: QuantizationReport, than other: QuantizationReport) -> Bool {
        func means(_ outputs: [QuantizationReport.Output]) -> (cosine: Double, decibels: Double) {
            let count = Double(max(1, outputs.count))
            return (outputs.reduce(0) { $0 + $1.meanCosine } / count, outputs.reduce(0) { $0 + $1.signalToNoise } / count)
        }
        let own = means(report.outputs), its = means(other.outputs)
        return own.cosine >= its.cosine && own.decibels >= its.decibels && own != its
    }

    /// The best weights, by name; `nil` where those at the start are.
    private func learnt(
        _ learning: LearningNetwork, _ reference: Graph, _ lessons: [[String: Tensor]], _ watch: [[String: Tensor]], _ progress: (Progress) -> Void
    ) throws -> [String: Tensor]? {
        let weights = learning.weights
        var options = TrainableGraph.Options()
        options.device = device
        options.isTrainable = { weights.contains($0) }
        let student = try TrainableGraph(learning.graph.withFreeBatch(), options: options)
        options.isTrainable = { _ in false }
        let teacher = try TrainableGraph(reference.withFreeBatch(), options: options)
        let names = reference.outputs.map(\.name)
        let taught = try Lessons(lessons, teacher, names), watched = try Lessons(watch, teacher, names)
        let learners = student.parameters.filter(\.isTrainable)
        guard !learners.isEmpty else { return nil }
        let adam = try Adam(learners.map(\.tensor), learningRate: rate)
        var draw = SplitMix64(seed: seed, name: "quantization-aware")
        let batch = max(1, batch)
        var order: [Int] = []
        var least = try loss(student, watched)
        var best: [String: Tensor]?
        let every = max(1, steps / max(1, watches))
        for step in 0..<steps {
            // Falls to zero, so that no weight swings between two steps in the end.
            adam.learningRate = rate * (1 + cos(.pi * Double(step) / Double(steps))) / 2
            while order.count < min(batch, taught.count) { order += Self.shuffled(taught.count, &draw) }
            let chosen = Array(order.prefix(batch))
            order.removeFirst(chosen.count)
            try student.removeGradients()
            var sum = 0.0
            for part in taught.parts(of: chosen) {
                let loss = try Self.loss(student, taught, part)
                let share = Double(part.count) / Double(chosen.count)
                try (loss * share).backward()
                sum += try loss.item() * share
            }
            guard sum.isFinite else {
                throw FitError(
                    .badData, "fine-tuning '\(reference.name)': the loss of step \(step + 1) is \(sum), of samples \(chosen.map { "\($0 + 1)" }.joined(separator: ", ")) of \(taught.count); look at them, or take a smaller rate than \(rate)")
            }
            try adam.step()
            progress(Progress(step: step + 1, of: steps, loss: sum))
            guard (step + 1) % every == 0 || step + 1 == steps else { continue }
            let now = try loss(student, watched)
            if now < least {
                least = now
                // What the student does not count among its weights (a single number) stays as it is.
                var state = learning.graph.initializers.filter { weights.contains($0.key) }
                for learner in learners { state[learner.name] = try learner.tensor.tensor() }
                best = state
            }
        }
        return best
    }

    private func loss(_ student: TrainableGraph, _ lessons: Lessons) throws -> Double {
        try TorchRuntime.withoutGradients {
            var sum = 0.0
            for start in stride(from: 0, to: lessons.count, by: max(1, batch)) {
                let part = Array(start..<min(start + max(1, batch), lessons.count))
                for piece in lessons.parts(of: part) { sum += try Self.loss(student, lessons, piece).item() * Double(piece.count) }
            }
            return sum / Double(lessons.count)
        }
    }

    /// Mean over the samples of a part.
    private static func loss(_ student: TrainableGraph, _ lessons: Lessons, _ part: [Int]) throws -> TorchTensor {
        let said = try student.run(lessons.inputs(part), outputs: lessons.outputs)
        var total: TorchTensor?
        for (place, name) in lessons.outputs.enumerated() {
            guard let value = said[name] else { throw FitError(.internalError, "the network gave no output '\(name)'") }
            let student = try value.reshaped([part.count, -1]), teacher = try lessons.answers(part, place)
            let noise = try ((student - teacher).square().sum([-1]) / (teacher.square().sum([-1]) + 1e-12)).mean()
            let own = try Distillation.cosine(student: student, teacher: teacher) + noise
            total = try total.map { try $0 + own } ?? own
        }
        guard let total else { throw FitError(.internalError, "the network has no output") }
        return try total / Double(lessons.outputs.count)
    }

    /// Fisher and Yates.
    private static func shuffled(_ count: Int, _ draw: inout SplitMix64) -> [Int] {
        var order = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, Int(draw.next().multipliedFullWidth(by: UInt64(last + 1)).high)) }
        return order
    }
}

/// Samples with what the float network says of them.
private struct Lessons {
    let outputs: [String]
    private let samples: [[String: TorchTensor]]
    /// By sample and output, `[1, numbers]`.
    private let said: [[TorchTensor]]
    /// Whether several samples can be run as one batch.
    private let isJoined: Bool

    var count: Int { samples.count }

    init(_ samples: [[String: Tensor]], _ teacher: TrainableGraph, _ outputs: [String]) throws {
        self.outputs = outputs
        var inputs: [[String: TorchTensor]] = []
        for sample in samples {
            var values: [String: TorchTensor] = [:]
            for input in teacher.inputs {
                guard let value = sample[input.name] else {
                    throw QuantizationError(.calibration, "a sample without input '\(input.name)'; got \(sample.keys.sorted())")
                }
                values[input.name] = try TorchTensor(value)
            }
            inputs.append(values)
        }
        var said: [[TorchTensor]] = []
        for values in inputs { said.append(try Self.answers(teacher, values, outputs, rows: 1)) }
        self.samples = inputs
        self.said = said
        isJoined = Self.canJoin(inputs, said, teacher, outputs)
    }

    private static func answers(_ teacher: TrainableGraph, _ values: [String: TorchTensor], _ outputs: [String], rows: Int) throws -> [TorchTensor] {
        try TorchRuntime.withoutGradients {
            let made = try teacher.run(values, outputs: outputs)
            return try outputs.map { name in
                guard let value = made[name] else { throw FitError(.internalError, "the network gave no output '\(name)'") }
                return try value.reshaped([rows, -1])
            }
        }
    }

    private static func joined(_ samples: [[String: TorchTensor]]) throws -> [String: TorchTensor] {
        guard samples.count > 1, let first = samples.first else { return samples.first ?? [:] }
        var result: [String: TorchTensor] = [:]
        for name in first.keys { result[name] = try .concatenated(samples.compactMap { $0[name] }, axis: 0) }
        return result
    }

    /// A network made for one sample may say something else of two, or nothing: it is asked.
    private static func canJoin(_ inputs: [[String: TorchTensor]], _ said: [[TorchTensor]], _ teacher: TrainableGraph, _ outputs: [String]) -> Bool {
        guard inputs.count > 1, let first = inputs.first, inputs.allSatisfy({ $0.allSatisfy { $1.rank > 0 && $1.shape == first[$0]?.shape } }),
            let two = try? answers(teacher, joined(Array(inputs.prefix(2))), outputs, rows: 2)
        else { return false }
        for (place, both) in two.enumerated() {
            guard let alone = try? TorchTensor.concatenated([said[0][place], said[1][place]], axis: 0), alone.shape == both.shape,
                let difference = try? (alone - both).norm().item(), let size = try? alone.norm().item(), difference <= 1e-3 * size
            else { return false }
        }
        return true
    }

    /// What is run at once.
    func parts(of indices: [Int]) -> [[Int]] { isJoined ? [indices] : indices.map { [$0] } }

    func inputs(_ part: [Int]) throws -> [String: TorchTensor] { try Self.joined(part.map { samples[$0] }) }

    /// `[samples, numbers]`.
    func answers(_ part: [Int], _ output: Int) throws -> TorchTensor {
        part.count == 1 ? said[part[0]][output] : try .concatenated(part.map { said[$0][output] }, axis: 0)
    }
}
