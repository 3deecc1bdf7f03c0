public import Datasets
import Foundation
public import ModelBundle
public import Quantization
public import RunRecords
import Tensors

/// Training of a ``LearningTask``, with what ``Fit`` has for identities: a run's folder, its record, checkpoints, and weights that are the same, bit for bit,
/// whether a run was interrupted or not. Thread-bound.
public final class TaskFit {
    /// Where a run stands, as a checkpoint keeps it.
    private struct State: Codable {
        var step = 0
        var seconds = 0.0
        var epochLoss = 0.0
        var bestValue: Double?
        var bestEpoch: Int?
        var fingerprint = ""
    }

    public let recipe: TaskRecipe
    public let folder: RunFolder
    public private(set) var notes: [String]
    private let task: any LearningTask
    private let optimizer: any Optimizer
    private let average: WeightAverage?
    private let recorder: RunRecorder
    private var state = State()
    private let weights: [TorchTensor]

    /// Opens data and networks; nothing is learnt yet.
    public init(_ recipe: TaskRecipe, into folder: RunFolder, options: Fit.Options = Fit.Options()) throws {
        self.recipe = recipe
        self.folder = folder
        guard options.group == nil else { throw FitError(.configuration, "\(recipe.name): a task learns in one process; unset WORLD_SIZE") }
        let threads = TorchRuntime.threads(asked: options.threads)
        try TorchRuntime.setThreadCount(threads)
        let checkpoint = URL(fileURLWithPath: folder.lastCheckpoint)
        let exists = FileManager.default.fileExists(atPath: checkpoint.path)
        guard !exists || options.resumes else {
            throw FitError(.configuration, "\(folder.path): holds a run already; go on with it by --resume, or take another folder")
        }
        task = try recipe.settings.task(seed: recipe.seed, device: options.device)
        notes = task.notes
        weights = task.networks.flatMap { $0.graph.parameters.filter(\.isTrainable).map(\.tensor) }
        for network in task.networks { network.graph.precision = recipe.precision }
        if let note = recipe.precision.note(on: options.device) { notes.append(note) }
        optimizer = try recipe.optimizer.optimizer(of: weights, precision: recipe.precision)
        state.fingerprint = String(StableHash.of(recipe.source + task.dataDigest), radix: 16)
        if !exists { try Self.begin(task, recipe.start) }
        average = recipe.optimizer.average > 0 ? try WeightAverage(of: weights + task.networks.flatMap { $0.graph.statistics.map(\.tensor) }, decay: recipe.optimizer.average) : nil
        if exists { try Self.restore(checkpoint, &state, task, optimizer, average) }
        if exists {
            recorder = try RunRecorder(resuming: folder, afterStep: state.step)
        } else {
            let record = RunRecord(
                name: recipe.name, seed: recipe.seed, recipe: recipe.text, modalities: task.modalities, losses: [RunRecord.Loss(name: type(of: task).name, on: task.modalities.map(\.name).joined(separator: "+"))],
                device: "\(options.device)", threads: threads, libtorch: TorchRuntime.version, program: "fwoc-train 0.1.0", data: task.subsets)
            recorder = try RunRecorder(folder, record: record, replacing: options.resumes)
        }
        try note()
    }

    /// What is about to be learnt, in a line.
    public var summary: String {
        let data = task.subsets.map { "\($0.rows) samples of \($0.people) people for \($0.name)" }.joined(separator: ", ")
        let count = weights.reduce(0) { $0 + $1.count }
        return "\(recipe.name): \(type(of: task).name); \(data); \(task.networks.map(\.name).joined(separator: ", ")); \(count) weights learn, \(total) steps\(state.step > 0 ? ", going on after step \(state.step)" : "")"
    }

    /// `, best auc 0.98 in epoch 12`, or nothing.
    public var bestText: String {
        guard let value = state.bestValue, let epoch = state.bestEpoch else { return "" }
        return String(format: ", best \(task.metric.name) %.4f in epoch %d", value, epoch + 1)
    }

    private var total: Int { recipe.epochs * task.stepsPerEpoch }

    /// Trains to the end, or until `shouldStop` says so; then a checkpoint is there to go on from.
    @discardableResult
    public func run(shouldStop: () -> Bool = { false }, progress: (Fit.Progress) -> Void = { _ in }) throws -> Fit.Ending {
        do {
            let ending = try train(shouldStop, progress)
            try recorder.update { $0.end(ending == .interrupted ? .interrupted : .finished) }
            return ending
        } catch {
            try? recorder.update { $0.end(.failed, reason: "\(error)") }
            throw error
        }
    }

    private func train(_ shouldStop: () -> Bool, _ progress: (Fit.Progress) -> Void) throws -> Fit.Ending {
        var rate = 0.0
        while state.step < total {
            if shouldStop() {
                try save()
                return .interrupted
            }
            let start = ContinuousClock.now
            var row = try step()
            let seconds = Fit.seconds(ContinuousClock.now - start)
            state.seconds += seconds
            row.samplesPerSecond = Double(task.samplesPerStep) / max(1e-9, seconds)
            row.seconds = state.seconds
            try recorder.append(row)
            rate = rate == 0 ? row.samplesPerSecond : 0.95 * rate + 0.05 * row.samplesPerSecond
            progress(self.progress(.training, row.loss, row.learningRate, rate))
            if state.step % task.stepsPerEpoch == 0 { try endEpoch(progress) } else if state.step % recipe.checkpointSteps == 0 { try save() }
        }
        return .finished
    }

    private func step() throws -> StepRow {
        try TorchRuntime.seed(seed(of: state.step, 0))
        for network in task.networks { network.graph.isTraining = true }
        let rate = recipe.optimizer.rate * recipe.schedule.factor(epoch: (Double(state.step) + 0.5) / Double(task.stepsPerEpoch), of: Double(recipe.epochs))
        let loss = try task.loss(seed: seed(of: state.step, 1), next: state.step + 1 < total ? seed(of: state.step + 1, 1) : nil)
        let value = try loss.item()
        func refuse(_ value: Double) -> FitError {
            FitError(.badData, "the loss or its gradient is \(value.isNaN ? "nan" : "\(value)") in step \(state.step + 1)\(state.step > 0 ? "; the checkpoints are from before it" : "") – lower optimizer.rate, or set clip_gradients")
        }
        guard value.isFinite else { throw refuse(value) }
        for weight in weights { try weight.setGradient(nil) }
        try loss.backward()
        let norm = try TorchTensor.clipGradients(of: weights, to: recipe.gradientLimit)
        guard norm.isFinite else { throw refuse(norm) }
        optimizer.learningRate = rate
        try optimizer.step()
        state.step += 1
        try average?.update(step: state.step)
        state.epochLoss += value
        let epoch = (state.step - 1) / task.stepsPerEpoch
        return StepRow(
            epoch: epoch + 1, batch: state.step - epoch * task.stepsPerEpoch, step: state.step, seconds: state.seconds, loss: value, learningRate: rate, gradientNorm: norm,
            samplesPerSecond: 0, terms: [])
    }

    private func seed(of step: Int, _ purpose: UInt64) -> UInt64 {
        var seeds = SeededGenerator(seed: recipe.seed, 0x7A5C, UInt64(step), purpose)
        return seeds.next()
    }

    private func endEpoch(_ progress: (Fit.Progress) -> Void) throws {
        let epoch = state.step / task.stepsPerEpoch - 1, mean = state.epochLoss / Double(task.stepsPerEpoch)
        state.epochLoss = 0
        progress(self.progress(.validating, mean, 0, 0))
        for network in task.networks { network.graph.isTraining = false }
        try average?.exchange()
        let metrics = try task.validate()
        let value = metrics.first?.value
        // Of equal ones the later, which has learnt more: a share of few rows takes few values.
        let isBetter = value.map { value in state.bestValue.map { task.metric.isHigherBetter ? value >= $0 : value <= $0 } ?? true } ?? true
        if isBetter {
            (state.bestValue, state.bestEpoch) = (value, epoch)
            try SafetensorsFile(tensors: try weightsByName(), metadata: ["fwoc.fingerprint": state.fingerprint, "fwoc.epoch": "\(epoch)"]).write(to: URL(fileURLWithPath: folder.bestCheckpoint))
        }
        try average?.exchange()
        try recorder.append(EpochRow(epoch: epoch + 1, step: state.step, seconds: state.seconds, trainingLoss: mean, metrics: metrics))
        try note()
        try save()
    }

    // MARK: Checkpoints

    private static let moment = "optimizer."
    private static let averaged = "average."

    private func weightsByName() throws -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for network in task.networks { for (key, tensor) in try network.graph.state() { tensors["\(network.name)/\(key)"] = tensor } }
        return tensors
    }

    private func save() throws {
        var tensors = try weightsByName()
        for (index, tensor) in try optimizer.state().enumerated() { tensors["\(Self.moment)\(index)"] = tensor }
        for (index, tensor) in try (average?.state() ?? []).enumerated() { tensors["\(Self.averaged)\(index)"] = tensor }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try recorder.synchronise()
        try SafetensorsFile(tensors: tensors, metadata: ["fwoc.state": String(decoding: try encoder.encode(state), as: UTF8.self)]).write(to: URL(fileURLWithPath: folder.lastCheckpoint))
    }

    private static func restore(_ checkpoint: URL, _ state: inout State, _ task: any LearningTask, _ optimizer: any Optimizer, _ average: WeightAverage?) throws {
        let file = try SafetensorsFile(contentsOf: checkpoint)
        guard let text = file.metadata["fwoc.state"], let saved = try? JSONDecoder().decode(State.self, from: Data(text.utf8)) else {
            throw FitError(.badData, "\(checkpoint.path): it says nothing of a run's state; it was not written by a training run")
        }
        guard saved.fingerprint == state.fingerprint else {
            throw FitError(.configuration, "\(checkpoint.path): it is of another recipe, or of other data: it cannot be gone on with; take another folder, or the recipe, settings and data that it was begun with")
        }
        func numbered(_ prefix: String) -> [Tensor] {
            (0..<file.tensors.count).prefix { file.tensors["\(prefix)\($0)"] != nil }.compactMap { file.tensors["\(prefix)\($0)"] }
        }
        try load(file.tensors.filter { !$0.key.hasPrefix(moment) && !$0.key.hasPrefix(averaged) }, into: task)
        try optimizer.restore(numbered(moment), stepCount: saved.step)
        try average?.restore(numbered(averaged))
        state = saved
    }

    /// Takes first weights from exported networks.
    private static func begin(_ task: any LearningTask, _ start: [String: String]) throws {
        for (name, path) in start.sorted(by: { $0.key < $1.key }) {
            guard let network = task.networks.first(where: { $0.name == name }) else {
                throw FitError(.configuration, "start.\(name): the task has no such network; it has \(task.networks.map(\.name).joined(separator: ", "))")
            }
            let known = try Graph(onnxFile: URL(fileURLWithPath: path)).initializers, own = try network.graph.state()
            if let missing = own.keys.sorted().first(where: { known[$0]?.shape != own[$0]?.shape }) {
                throw FitError(.badData, "\(path): ‘\(missing)’ is \(known[missing].map { "of shape \($0.shape)" } ?? "not there"), expected \(own[missing]?.shape ?? []): it is another network than \(name)")
            }
            try network.graph.load(own.keys.reduce(into: [:]) { $0[$1] = known[$1] })
        }
    }

    static func load(_ tensors: [String: Tensor], into task: any LearningTask) throws {
        for (name, graph) in task.networks {
            var own: [String: Tensor] = [:]
            for (key, tensor) in tensors where key.hasPrefix(name + "/") { own[String(key.dropFirst(name.count + 1))] = tensor }
            try graph.load(own)
        }
    }

    // MARK: Record

    private func note() throws {
        let state = state, task = task
        try recorder.update { record in
            record.seconds = state.seconds
            record.steps = state.step
            record.epochs = state.step / task.stepsPerEpoch
            record.samplesPerSecond = state.seconds > 0 ? Double(state.step * task.samplesPerStep) / state.seconds : nil
            record.selectionMetric = task.metric.name
            record.isHigherBetter = task.metric.isHigherBetter
            record.bestEpoch = state.bestEpoch.map { $0 + 1 }
            record.bestValue = state.bestValue
        }
    }

    private func progress(_ stage: Fit.Progress.Stage, _ loss: Double, _ rate: Double, _ samples: Double) -> Fit.Progress {
        Fit.Progress(
            stage: stage, done: state.step, total: total, epoch: (max(state.step, 1) - 1) / task.stepsPerEpoch, epochs: recipe.epochs, loss: loss, learningRate: rate, samplesPerSecond: samples,
            validation: nil, best: state.bestValue, bestEpoch: state.bestEpoch)
    }
}

/// A run of a task that is done, or under way: its networks with their best weights.
public struct TrainedTask {
    public let recipe: TaskRecipe
    let task: any LearningTask

    /// Whether the folder holds a run of a task.
    public static func isOne(_ folder: RunFolder) -> Bool { TaskRecipe.isOne(URL(fileURLWithPath: folder.recipe)) }

    public init(_ folder: RunFolder, overrides: [(key: String, value: String)] = []) throws {
        recipe = try TaskRecipe(contentsOf: URL(fileURLWithPath: folder.recipe), overrides: overrides)
        let path = FileManager.default.fileExists(atPath: folder.bestCheckpoint) ? folder.bestCheckpoint : folder.lastCheckpoint
        guard FileManager.default.fileExists(atPath: path) else {
            throw FitError(.noInput, "\(folder.recipe): the run has no checkpoint yet; let it finish an epoch")
        }
        task = try recipe.settings.task(seed: recipe.seed, device: .cpu)
        try TaskFit.load(try SafetensorsFile(contentsOf: URL(fileURLWithPath: path)).tensors.filter { $0.key.contains("/") && !$0.key.hasPrefix("optimizer.") }, into: task)
    }

    /// Measures it on samples that it did not learn from, with `Inference`.
    /// - Parameter instead: networks that are measured in place of the run's, by name: its eight-bit ones.
    public func measured(_ subset: Split.Subset, instead: [String: Graph] = [:], advance: (Int, Int) -> Void = { _, _ in }) throws -> [RunValue] {
        var graphs: [String: Graph] = [:]
        for (name, graph) in try exported() { graphs[name] = instead[name] ?? graph }
        if let stranger = instead.keys.sorted().first(where: { graphs[$0] == nil }) {
            throw FitError(.configuration, "\(stranger): the run has no such network; it has \(graphs.keys.sorted().joined(separator: ", "))")
        }
        return try task.measure(subset, graphs, advance: advance)
    }

    /// Makes eight-bit networks, calibrated (and fine-tuned) on samples that the run learnt from and compared with the float ones on others.
    /// - Parameters:
    ///   - counts: samples that calibrate and teach, and that are compared.
    ///   - part: a network's name; `nil` for all.
    ///   - advance: what is being done, and how much of how much.
    public func quantized(
        _ quantizer: PostTrainingQuantizer, _ tuner: QuantizationAwareTuner?, counts: (calibration: Int, probes: Int), only part: String? = nil, advance: (String, Int, Int) -> Void = { _, _, _ in }
    ) throws -> (networks: [(name: String, graph: Graph)], report: QuantizationReport) {
        let all = try exported()
        guard part == nil || all.contains(where: { $0.name == part }) else {
            throw FitError(.configuration, "--part \(part ?? ""): the run's networks are \(all.map(\.name).joined(separator: ", "))")
        }
        if let unknown = quantizer.excluded.sorted().first(where: { name in !all.contains { $0.graph.nodes.contains { $0.name == name || $0.outputs.first == name } } }) {
            throw QuantizationError(.network, "--exclude \(unknown): no network of the run has such a node")
        }
        var networks: [(name: String, graph: Graph)] = [], reports: [(name: String, report: QuantizationReport)] = []
        for (name, graph) in all where part == nil || part == name {
            let own = try task.examples(of: name, .train, count: counts.calibration), probes = try task.examples(of: name, .validation, count: counts.probes)
            guard own.count >= 2, !probes.isEmpty else {
                throw QuantizationError(.calibration, "\(name): \(own.count) samples to calibrate with and \(probes.count) to compare on; at least 2 and 1 are needed, of training and of validation")
            }
            let calibrated = try quantizer.calibrate(graph, samples: own) { advance("\(name): calibration", $0, $1) }
            let result: (graph: Graph, report: QuantizationReport)
            if let tuner {
                result = try tuner.tune(calibrated, samples: own, probes: probes) { advance("\(name): fine-tuning", $0.step, $0.of) }
            } else {
                result = try calibrated.measured(on: probes) { advance("\(name): comparison", $0, $1) }
            }
            networks.append((name, result.graph))
            reports.append((name, result.report))
        }
        return (networks, reports.count == 1 ? reports[0].report : QuantizationReport(reports))
    }

    /// The networks as they are now.
    public func exported() throws -> [(name: String, graph: Graph)] { try task.networks.map { ($0.name, try $0.graph.exported()) } }
}
