import Biometrics
import Datasets
import Evaluation
import Foundation
import Glibc
import ModelBundle
import RunRecords
import Tensors

/// A training run: from a recipe and an empty folder to the best weights, or from a folder where one stopped to the same weights.
///
/// What is drawn in a step follows from the recipe's seed and the step's number, so that a run that was killed and goes on from its last checkpoint ends with
/// the same weights, bit for bit, as one that was not; with the same libtorch and number of threads. Thread-bound.
public final class Fit {
    public struct Options {
        public var device = TorchDevice.cpu
        /// Threads of libtorch; where 0 as OMP_NUM_THREADS says, else all cores.
        public var threads = 0
        /// Whether a folder with a checkpoint is gone on with.
        public var resumes = false
        public var group: ProcessGroup?

        public init() {}
    }

    /// How far a run is.
    public struct Progress: Sendable {
        public enum Stage: Sendable { case embedding, training, validating }
        public var stage: Stage
        /// Done and in all: samples of frozen encoders, or steps.
        public var done: Int, total: Int
        public var epoch: Int, epochs: Int
        public var loss: Double
        public var learningRate: Double
        public var samplesPerSecond: Double
        /// The last measurement, and the best one with its epoch.
        public var validation: Double?
        public var best: Double?
        public var bestEpoch: Int?
    }

    public enum Ending: Sendable, Equatable {
        case finished, stoppedEarly, interrupted
    }

    public let recipe: Recipe
    public let folder: RunFolder
    public let data: TrainingData
    public let model: FusionModel
    /// Things worth saying before the work begins.
    public private(set) var notes: [String] = []
    private let options: Options
    private let objective: Objective
    private let optimizer: any Optimizer
    private let average: WeightAverage?
    private let loader: BatchLoader
    private let frozen: FrozenEmbeddings?
    private let recorder: RunRecorder?
    private var sampler: BatchSampler
    private var state: FitState
    private let validation: [Int]
    private let trials: TrialList?
    
    private var rank: Int { options.group?.rank ?? 0 }
    private var processes: Int { options.group?.size ?? 1 }

    /// Opens data and networks; nothing is learnt yet.
    ///
    /// - Throws: ``FitError``, `DatasetError`, `BundleError` and others: every one says what is wrong and what to do.
    public init(_ recipe: Recipe, into folder: RunFolder, options: Options = Options()) throws {
        self.recipe = recipe
        self.folder = folder
        self.options = options
        let threads = TorchRuntime.threads(asked: options.threads)
        try TorchRuntime.setThreadCount(threads)
        let isFirst = (options.group?.rank ?? 0) == 0
        let checkpoint = URL(fileURLWithPath: folder.lastCheckpoint)
        let exists = FileManager.default.fileExists(atPath: checkpoint.path)
        guard !exists || options.resumes else {
            throw FitError(.configuration, "\(checkpoint.deletingLastPathComponent().path): holds a run already; go on with it by --resume, or take another folder")
        }
        data = try TrainingData(recipe.data, modalities: recipe.modalities.map(\.modality))
        notes += data.notes
        let training = data.subsets[.train] ?? [:]
        sampler = try BatchSampler(
            rows: training, identitiesPerBatch: recipe.identitiesPerBatch, rowsPerIdentity: recipe.samplesPerIdentity, position: .init(seed: recipe.draws))
        guard recipe.identitiesPerBatch % (options.group?.size ?? 1) == 0 else {
            throw FitError(.configuration, "batch.people is \(recipe.identitiesPerBatch), which \(options.group?.size ?? 1) processes cannot share evenly")
        }
        model = try FusionModel(recipe, classes: sampler.identities.count, device: options.device)
        if let note = recipe.precision.note(on: options.device) { notes.append(note) }
        objective = try Objective(recipe, model, data, classes: sampler.identities.count, group: options.group)
        let weights = model.trainableWeights
        guard !weights.isEmpty else { throw FitError(.configuration, "\(recipe.name): nothing learns: every encoder has train: false and there is no fuser nor a classifying loss") }
        let learning = Set(recipe.modalities.filter(\.isTrainable).map(\.name) + (recipe.fuser == nil ? [] : ["fused"]))
        guard recipe.losses.contains(where: { $0.hasClasses || !learning.isDisjoint(with: $0.on) }) else {
            throw FitError(.configuration, "\(recipe.name): nothing learns: \(recipe.losses.map(\.label).joined(separator: ", ")) only looks at encoders with train: false; put a loss on fused, or let them train")
        }
        optimizer = try recipe.optimizer.optimizer(of: weights, precision: recipe.precision)
        average = recipe.optimizer.average > 0 ? try WeightAverage(of: weights + model.learningStatistics, decay: recipe.optimizer.average) : nil
        loader = BatchLoader(data, recipe, device: options.device)
        frozen = FrozenEmbeddings.serves(recipe) ? FrozenEmbeddings(model, data, loader) : nil
        validation = Self.validationSamples(data, recipe)
        trials = try Self.validationTrials(validation, data, recipe)
        if trials == nil {
            notes.append("validation has \(data.subsets[.validation]?.count ?? 0) people, fewer than two with two samples: the weights of the last epoch count as the best ones")
        }
        state = FitState(position: sampler.position, fingerprint: Self.fingerprint(recipe, sampler.identities, data))
        if exists { try Self.restore(checkpoint, into: &state, model, optimizer, average, objective) }
        sampler = try BatchSampler(rows: training, identitiesPerBatch: recipe.identitiesPerBatch, rowsPerIdentity: recipe.samplesPerIdentity, position: state.position)
        if let group = options.group {
            let steps = try group.gathered(TorchTensor([Int64(state.step)], shape: [1])).integers()
            guard Set(steps).count == 1 else {
                throw FitError(.configuration, "\(folder.path): the processes would go on after steps \(steps.map { "\($0)" }.joined(separator: ", ")), by rank; each must find the same last.checkpoint in the run's folder: share it, or copy it to every machine")
            }
        }
        guard isFirst else {
            recorder = nil
            return
        }
        if exists {
            recorder = try RunRecorder(resuming: folder, afterStep: state.step)
        } else {
            // What was begun and never came to a checkpoint is begun again.
            recorder = try RunRecorder(folder, record: Self.record(recipe, model, data, options), replacing: options.resumes)
        }
        try note()
    }

    /// What is about to be learnt, in a line.
    public var summary: String {
        let people = data.subsets[.train] ?? [:], rows = people.values.reduce(0) { $0 + $1.count }
        let weights = model.trainableWeights.reduce(0) { $0 + $1.count }
        let modalities = recipe.modalities.map { "\($0.name) by \($0.isFile ? ($0.encoder as NSString).lastPathComponent : $0.encoder)\($0.isTrainable ? "" : " (frozen)")" }
        let going = state.step > 0 ? ", going on after step \(state.step)" : ""
        return "\(recipe.name): \(rows) samples of \(people.count) people; \(modalities.joined(separator: ", "))\(recipe.fuser.map { ", \($0.name) fuser" } ?? ""); "
            + "\(recipe.losses.map(\.label).joined(separator: ", ")); \(weights) weights learn, \(recipe.epochs * sampler.batchesPerEpoch) steps\(going)"
    }

    /// `, best auc 0.98 in epoch 12`, or nothing.
    public var bestText: String {
        guard let value = state.bestValue, let epoch = state.bestEpoch else { return "" }
        return String(format: ", best \(recipe.validation.metric.rawValue) %.4f in epoch %d", value, epoch + 1)
    }

    // MARK: Training

    /// Trains to the end, or until `shouldStop` says so; then a checkpoint is there to go on from.
    public func run(shouldStop: () -> Bool = { false }, progress: (Progress) -> Void = { _ in }) throws -> Ending {
        do {
            if let frozen { try embed(frozen, progress) }
            try objective.prepare((data.subsets[.train] ?? [:]).values.flatMap { $0 }.sorted()) { done, total in progress(self.progress(.embedding, done, total)) }
            let ending = try train(shouldStop, progress)
            try recorder?.update { $0.end(ending == .interrupted ? .interrupted : ending == .stoppedEarly ? .stoppedEarly : .finished) }
            return ending
        } catch {
            try? recorder?.update { $0.end(.failed, reason: "\(error)") }
            throw error
        }
    }

    private func embed(_ frozen: FrozenEmbeddings, _ progress: (Progress) -> Void) throws {
        let training = (data.subsets[.train] ?? [:]).values.flatMap { $0 }.sorted()
        model.isTraining = false
        try frozen.make(training, views: views) { done, total in progress(self.progress(.embedding, done, total)) }
    }

    private var views: [[SampleView]] { recipe.modalities.map { FrozenEmbeddings.views($0.views, seed: recipe.seed) } }

    private func train(_ shouldStop: () -> Bool, _ progress: (Progress) -> Void) throws -> Ending {
        let total = recipe.epochs * sampler.batchesPerEpoch
        var mark = ContinuousClock.now, stepsAtMark = state.step
        while state.step < total {
            if recipe.validation.patience > 0, state.sinceBest >= recipe.validation.patience, state.position.batch == sampler.batchesPerEpoch { return .stoppedEarly }
            if try isAsked(shouldStop()) {
                try save()
                return .interrupted
            }
            let start = ContinuousClock.now
            let row = try step(start)
            state.seconds += Self.seconds(ContinuousClock.now - start)
            try recorder?.append(row)
            let elapsed = Self.seconds(ContinuousClock.now - mark)
            var shown = self.progress(.training, state.step, total)
            shown.loss = row.loss
            shown.learningRate = row.learningRate
            shown.samplesPerSecond = elapsed > 0 ? Double((state.step - stepsAtMark) * batchSize) / elapsed : 0
            progress(shown)
            if elapsed > 30 { (mark, stepsAtMark) = (ContinuousClock.now, state.step) }
            if row.batch == sampler.batchesPerEpoch {
                try endEpoch(row.epoch - 1, progress)
                (mark, stepsAtMark) = (ContinuousClock.now, state.step)
            } else if state.step % recipe.checkpointSteps == 0 {
                try save()
            }
        }
        return .finished
    }

    /// Asked of one process, all of them stop after the same step.
    private func isAsked(_ own: Bool) throws -> Bool {
        guard let group = options.group else { return own }
        let asked = try TorchTensor([own ? 1.0 : 0], shape: [1])
        try group.sum([asked])
        return try asked.item() > 0
    }

    private var batchSize: Int { recipe.identitiesPerBatch * recipe.samplesPerIdentity }

    private func step(_ start: ContinuousClock.Instant) throws -> StepRow {
        let batch = sampler.next()
        // This process's people.
        let share = batch.rows.count / processes
        let indices = Array(batch.rows[rank * share..<(rank + 1) * share]), labels = Array(batch.labels[rank * share..<(rank + 1) * share])
        var seeds = SeededGenerator(seed: recipe.draws, 0x57E9, UInt64(state.step), UInt64(rank))
        try TorchRuntime.seed(seeds.next())
        model.isTraining = true
        let rate = recipe.optimizer.rate * recipe.schedule.factor(epoch: (Double(state.step) + 0.5) / Double(sampler.batchesPerEpoch), of: Double(recipe.epochs))
        let look = BatchLoader.Look.training(epoch: batch.epoch, batch: batch.number)
        let outputs: FusionModel.Outputs, inputs: FusionModel.Inputs
        if let frozen {
            let kept = indices.enumerated().map { loader.keptSlots(data.samples[$1], look, $0 + rank * share) }
            let chosen = indices.indices.map { place in
                views.indices.map { slot in
                    var generator = SeededGenerator(seed: recipe.draws, 0x71E4, UInt64(state.step), UInt64(place + rank * share), UInt64(slot))
                    return views[slot][generator.index(below: views[slot].count)]
                }
            }
            let (present, rows, weights) = try frozen.inputs(indices, chosen, kept: kept)
            inputs = FusionModel.Inputs(values: present, rows: rows, weights: weights)
            outputs = try model.fused(present, rows: rows, weights: weights)
        } else {
            inputs = try loader.inputs(indices, look, offset: rank * share)
            outputs = try model.run(inputs)
        }
        let value = try objective(outputs, inputs, labels: labels, samples: indices, epoch: batch.epoch)
        // Without a loss this process has nothing to say about the batch.
        let loss = try value.total?.item() ?? .nan
        guard value.total == nil || loss.isFinite else { throw notANumber(loss, value, batch, indices, inputs) }
        let weights = model.trainableWeights
        for weight in weights { try weight.setGradient(nil) }
        if let total = value.total { try (processes > 1 ? total / Double(processes) : total).backward() }
        try options.group?.sumGradients(of: weights)
        let learns = try value.total != nil || weights.contains { try $0.gradient() != nil }
        let norm = try TorchTensor.clipGradients(of: weights, to: recipe.gradientLimit)
        guard norm.isFinite else { throw notANumber(norm, value, batch, indices, inputs) }
        optimizer.learningRate = rate
        if learns {
            try optimizer.step()
            state.updates += 1
            try average?.update(step: state.updates)
        }
        state.step += 1
        state.position = sampler.position
        if value.total != nil {
            state.epochLoss += loss
            state.epochBatches += 1
        }
        return StepRow(
            epoch: batch.epoch + 1, batch: batch.number + 1, step: state.step, seconds: state.seconds, loss: loss, learningRate: rate, gradientNorm: norm,
            samplesPerSecond: Double(batchSize) / max(1e-9, Self.seconds(ContinuousClock.now - start)), terms: value.parts.map { RunValue($0.label, $0.value.isNaN ? nil : $0.value) })
    }

    /// Nothing of a batch whose loss is no number is taken up: the last checkpoint stays as it was.
    private func notANumber(_ loss: Double, _ value: Objective.Value, _ batch: BatchSampler.Batch, _ indices: [Int], _ inputs: FusionModel.Inputs) -> FitError {
        // Payloads of NaNs say nothing.
        func text(_ number: Double) -> String { number.isNaN ? "nan" : "\(number)" }
        let parts = value.parts.map { "\($0.label) \(text($0.value))" }.joined(separator: ", ")
        let names = indices.prefix(4).map { data.samples[$0].name }.joined(separator: ", ")
        let damaged = recipe.modalities.indices.flatMap { slot in notFinite(inputs, slot).map { "\(recipe.modalities[slot].name) of \(data.samples[indices[$0]].name)" } }
        let culprits = damaged.isEmpty ? "" : "; what the fuser or the encoders are given is no number already: \(damaged.joined(separator: ", "))"
        return FitError(
            .badData,
            "the loss or its gradient is \(text(loss)) in batch \(batch.number + 1) of epoch \(batch.epoch + 1), step \(state.step + 1) (\(parts)); its samples: \(names)\(indices.count > 4 ? " and \(indices.count - 4) more" : "")\(culprits)\(state.step > 0 ? "; the checkpoints are from before it" : "") – lower optimizer.rate, set clip_gradients, or look at these samples")
    }

    /// Places in the batch of samples whose numbers are not all finite as they are loaded.
    private func notFinite(_ inputs: FusionModel.Inputs, _ slot: Int) -> [Int] {
        guard let values = try? inputs.values[slot]?.tensor().values(as: Float.self), !inputs.rows[slot].isEmpty else { return [] }
        let size = values.count / inputs.rows[slot].count
        return inputs.rows[slot].enumerated().filter { number, _ in !values[number * size..<(number + 1) * size].allSatisfy(\.isFinite) }.map(\.element)
    }

    // MARK: Ends of epochs

    private func endEpoch(_ epoch: Int, _ progress: (Progress) -> Void) throws {
        try shareStatistics()
        try average?.exchange()
        if average != nil { try shareStatistics() }
        let mean = try meanLoss()
        (state.epochLoss, state.epochBatches) = (0, 0)
        let isLast = epoch == recipe.epochs - 1
        var metrics: [RunValue] = []
        if (epoch + 1) % recipe.validation.every == 0 || isLast {
            var shown = self.progress(.validating, state.step, recipe.epochs * sampler.batchesPerEpoch)
            shown.loss = mean
            progress(shown)
            var value: Double?
            if let trials {
                let measured = try measure(trials)
                metrics = [RunValue("auc", measured.auc), RunValue("eer", measured.eer)]
                value = switch recipe.validation.metric {
                case .auc: measured.auc
                case .eer: measured.eer
                case .loss: mean
                }
            } else if recipe.validation.metric == .loss {
                value = mean
            }
            let isBetter = value.map { value in state.bestValue.map { recipe.validation.metric.isHigherBetter ? value > $0 : value < $0 } ?? true } ?? true
            if isBetter {
                (state.bestValue, state.bestEpoch, state.sinceBest) = (value, epoch, 0)
                if rank == 0 { try SafetensorsFile(tensors: try model.state(), metadata: ["fwoc.fingerprint": state.fingerprint, "fwoc.epoch": "\(epoch)"]).write(to: URL(fileURLWithPath: folder.bestCheckpoint)) }
            } else {
                state.sinceBest += 1
            }
        }
        try average?.exchange()
        if metrics.isEmpty, trials != nil { metrics = [RunValue("auc", nil), RunValue("eer", nil)] }
        try recorder?.append(EpochRow(epoch: epoch + 1, step: state.step, seconds: state.seconds, trainingLoss: mean, metrics: metrics))
        try note()
        // The sampler stands at the end of the epoch: the next batch is the first of the next one.
        try save()
    }

    /// Running means of batch normalisation are each process's own: the first one's count.
    private func shareStatistics() throws {
        guard let group = options.group else { return }
        try group.broadcast((model.encoders + (model.fuser.map { [$0] } ?? [])).flatMap(\.statistics).map(\.tensor))
    }

    /// Of the epoch's batches, over all processes: what they decide by must be the same.
    private func meanLoss() throws -> Double {
        let sums = try TorchTensor([state.epochLoss, Double(state.epochBatches)], shape: [2])
        try options.group?.sum([sums])
        let values = try sums.tensor().values(as: Double.self)
        guard values[1] > 0 else {
            throw FitError(.badData, "no loss applied to any batch of epoch \(state.position.epoch + 1): no sample that was drawn has what \(objective.subjects) looks at; put the loss on a modality that the shards have, or lower modality_dropout")
        }
        return values[0] / values[1]
    }

    private func measure(_ trials: TrialList) throws -> (auc: Double, eer: Double) {
        let embedder = SampleEmbedder(model, data, loader, frozen)
        let embeddings = try embedder.embeddings(of: validation)
        var rows: [String: [Float]] = [:]
        for (index, embedding) in zip(validation, embeddings) { rows[data.samples[index].name] = embedding.fused }
        var scores: [Float] = [], same: [Bool] = []
        for trial in trials.trials {
            guard let a = rows[trial.a], let b = rows[trial.b] else { continue }
            scores.append(zip(a, b).reduce(0) { $0 + $1.0 * $1.1 })
            same.append(trial.isSame)
        }
        let curve = OperatingCurve(try ScoredTrials(scores: scores, isSame: same))
        return (curve.areaUnderCurve, curve.equalErrorRate.rate)
    }

    private static func validationSamples(_ data: TrainingData, _ recipe: Recipe) -> [Int] {
        (data.subsets[.validation] ?? [:]).sorted { $0.key < $1.key }.flatMap { identity, indices in
            // The same ones every time, in no order of the files.
            indices.sorted { StableHash.of(data.samples[$0].name) < StableHash.of(data.samples[$1].name) }.prefix(recipe.validation.samplesPerIdentity)
        }
    }

    private static func validationTrials(_ indices: [Int], _ data: TrainingData, _ recipe: Recipe) throws -> TrialList? {
        let items = indices.map { TrialList.LabelledItem(name: data.samples[$0].name, identity: data.samples[$0].identity) }
        guard Set(items.map(\.identity)).count >= 2, let list = try? TrialList.sampled(items, perKind: 5000, seed: recipe.seed) else { return nil }
        return list.trials.contains(where: \.isSame) && list.trials.contains { !$0.isSame } ? list : nil
    }

    // MARK: Checkpoints

    private static let moment = "optimizer."
    private static let averaged = "average."
    private static let bank = "bank."

    private func save() throws {
        guard rank == 0 else { return }
        var tensors = try model.state()
        for (index, tensor) in try optimizer.state().enumerated() { tensors["\(Self.moment)\(index)"] = tensor }
        for (index, tensor) in try (average?.state() ?? []).enumerated() { tensors["\(Self.averaged)\(index)"] = tensor }
        for (index, bank) in objective.banks {
            let kept = bank.state
            tensors["\(Self.bank)\(index)"] = kept.rows
            state.bankLabels["\(index)"] = kept.labels
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let text = String(decoding: try encoder.encode(state), as: UTF8.self)
        try recorder?.synchronise()
        try SafetensorsFile(tensors: tensors, metadata: ["fwoc.state": text]).write(to: URL(fileURLWithPath: folder.lastCheckpoint))
    }

    private static func restore(
        _ checkpoint: URL, into state: inout FitState, _ model: FusionModel, _ optimizer: any Optimizer, _ average: WeightAverage?, _ objective: Objective
    ) throws {
        let file = try SafetensorsFile(contentsOf: checkpoint)
        guard let text = file.metadata["fwoc.state"], let saved = try? JSONDecoder().decode(FitState.self, from: Data(text.utf8)) else {
            throw FitError(.badData, "\(checkpoint.path): it says nothing of a run's state; it was not written by a training run")
        }
        guard saved.fingerprint == state.fingerprint else {
            throw FitError(.configuration, "\(checkpoint.path): it is of another recipe, or of other data: it cannot be gone on with; take another folder, or the recipe, settings and data that it was begun with")
        }
        var own: [String: Tensor] = [:], moments: [Int: Tensor] = [:], averages: [Int: Tensor] = [:]
        for (name, tensor) in file.tensors {
            if name.hasPrefix(moment), let index = Int(name.dropFirst(moment.count)) {
                moments[index] = tensor
            } else if name.hasPrefix(averaged), let index = Int(name.dropFirst(averaged.count)) {
                averages[index] = tensor
            } else if name.hasPrefix(bank), let index = Int(name.dropFirst(bank.count)) {
                let labels = saved.bankLabels["\(index)"] ?? []
                guard let bank = objective.banks[index], bank.fits(rows: tensor, labels: labels) else {
                    throw FitError(.badData, "\(checkpoint.path): its \(name) is \(tensor.shape) with \(labels.count) labels, which no loss of this recipe keeps; it was not written by this run")
                }
                bank.restore(rows: tensor, labels: labels)
            } else {
                own[name] = tensor
            }
        }
        try model.load(own)
        try optimizer.restore((0..<moments.count).compactMap { moments[$0] }, stepCount: saved.updates)
        try average?.restore((0..<averages.count).compactMap { averages[$0] })
        state = saved
    }

    /// Recipe and people: weights of one are worth nothing for another.
    private static func fingerprint(_ recipe: Recipe, _ identities: [String], _ data: TrainingData) -> String {
        let text = recipe.source + identities.joined(separator: "\n") + "\(data.samples.count)" + data.sets.map(\.digest).joined(separator: "\n")
        return String(StableHash.of(text), radix: 16)
    }

    // MARK: Record

    private static func record(_ recipe: Recipe, _ model: FusionModel, _ data: TrainingData, _ options: Options) -> RunRecord {
        func count(_ graph: TrainableGraph) -> Int { graph.parameters.reduce(0) { $0 + $1.tensor.count } }
        let modalities = recipe.modalities.enumerated().map { slot, part in
            RunRecord.Modality(
                name: part.name, encoder: part.isFile ? (part.encoder as NSString).lastPathComponent : part.encoder, dimension: model.dimensions[slot], isTrainable: part.isTrainable,
                parameters: count(model.encoders[slot]))
        }
        let fuser = recipe.fuser.flatMap { wanted in
            FuserNetwork.named(wanted.name, dimension: wanted.dimension).map { kind in
                RunRecord.Fuser(
                    name: wanted.name, dimension: wanted.dimension, parameters: model.fuser.map(count) ?? 0, toleratesMissingModality: type(of: kind).toleratesMissingModality)
            }
        }
        let subsets: [(Split.Subset, String)] = [(.train, "training"), (.validation, "validation"), (.test, "test"), (.heldOut, "held out")]
        return RunRecord(
            name: recipe.name, seed: recipe.seed, recipe: recipe.text, modalities: modalities, fuser: fuser,
            losses: recipe.losses.map { RunRecord.Loss(name: $0.name, on: $0.on.joined(separator: "+"), weight: $0.weight) }, device: "\(options.device)",
            threads: TorchRuntime.threadCount, processes: options.group?.size ?? 1, libtorch: TorchRuntime.version, program: "fwoc-train 0.1.0",
            data: subsets.compactMap { subset, name in
                data.subsets[subset].map { people in RunRecord.Subset(name: name, people: people.count, rows: people.values.reduce(0) { $0 + $1.count }) }
            })
    }

    /// Brings the record up to what the run has come to.
    private func note() throws {
        let (state, metric, batch) = (state, recipe.validation.metric, batchSize)
        try recorder?.update { record in
            record.seconds = state.seconds
            record.epochs = state.position.batch == 0 || state.step == 0 ? state.position.epoch : state.step / max(1, sampler.batchesPerEpoch)
            record.steps = state.step
            record.samplesPerSecond = state.seconds > 0 ? Double(state.step * batch) / state.seconds : nil
            record.peakMemoryMiB = Self.peakMemory
            record.selectionMetric = metric.rawValue
            record.isHigherBetter = metric.isHigherBetter
            record.bestEpoch = state.bestEpoch.map { $0 + 1 }
            record.bestValue = state.bestValue
        }
    }

    /// Of the process, MiB.
    private static var peakMemory: Double? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kibibytes = line.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Double($0) })
        else { return nil }
        return kibibytes / 1024
    }

    private func progress(_ stage: Progress.Stage, _ done: Int, _ total: Int) -> Progress {
        Progress(
            stage: stage, done: done, total: total, epoch: state.position.epoch, epochs: recipe.epochs, loss: .nan, learningRate: 0, samplesPerSecond: 0,
            validation: nil, best: state.bestValue, bestEpoch: state.bestEpoch)
    }

    static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}
