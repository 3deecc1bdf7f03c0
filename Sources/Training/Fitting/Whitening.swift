import Biometrics
import Datasets
import Foundation
import ModelBundle
public import RunRecords
import Tensors

/// Makes samples of one person differ as much in all directions of a trained encoder's embedding (``WithinClassCovariance``), by way of its last layer: the graph stays as it is.
///
/// A teacher's answers know no people: whoever learnt from them alone gains by this from who is whom among the same samples. In place: `best.checkpoint` holds the new weights,
/// `learnt.checkpoint` those before, which the next whitening begins from again, and `last.checkpoint` stays what training goes on from.
public struct Whitening: Sendable {
    public struct Outcome: Sendable {
        public var people: Int
        /// Of all views.
        public var samples: Int
        /// The widest direction's deviation within people over the narrowest one's, before.
        public var spread: Double
    }

    /// Of the encoder, a modality's name; the only one where `nil`.
    public var part: String?
    /// What all people have in common, the mean of their unit-length embeddings over all views, is taken away before: what a short or a noisy sample says of itself.
    public var centres = false
    /// 0…1, see ``WithinClassCovariance/normalization(shrinkage:)``. 1 leaves the directions as they are, for people who were seen or heard on one occasion each, whose samples do not say
    /// in which directions one person differs.
    public var shrinkage = 0.1
    /// Samples of a person that count, at most: that nobody who has hundreds decides alone.
    public var samplesPerPerson = 8
    /// How often each of them is looked at as training does, dark, blurred or noisy, besides as it is: what that changes is to count less, too.
    public var augmentedViews = 1

    public init() {}

    private static let key = "fwoc.whitened"

    /// - Parameters:
    ///   - overrides: keys of the run's recipe that are otherwise now.
    ///   - advance: samples done, of so many.
    public func apply(to folder: RunFolder, overrides: [(key: String, value: String)] = [], vocabulary: RecipeVocabulary = RecipeVocabulary(), advance: (Int, Int) -> Void = { _, _ in }) throws -> Outcome {
        let best = URL(fileURLWithPath: folder.bestCheckpoint), learnt = URL(fileURLWithPath: folder.learntCheckpoint)
        guard FileManager.default.fileExists(atPath: best.path) else { throw FitError(.noInput, "\(best.path) is missing; let the run finish an epoch") }
        var checkpoint = try SafetensorsFile(contentsOf: best)
        if checkpoint.metadata[Self.key] != nil { checkpoint = try SafetensorsFile(contentsOf: learnt) }
        let run = try TrainedRun(folder, overrides: overrides, vocabulary: vocabulary)
        try run.model.load(checkpoint.tensors)
        let names = run.recipe.modalities.map(\.name)
        guard let slot = part.map({ names.firstIndex(of: $0) }) ?? (names.count == 1 ? 0 : nil) else {
            throw FitError(.configuration, "\(part.map { "--part \($0)" } ?? "which encoder?"): the run has \(names.joined(separator: ", "))")
        }
        guard run.recipe.modalities[slot].isTrainable else { throw FitError(.configuration, "\(folder.recipe): the encoder '\(names[slot])' does not learn (train: false): its weights are a file's") }
        let graph = try run.model.encoders[slot].exported()
        guard let layer = LastLayer(of: graph) else {
            throw FitError(.configuration, "\(names[slot]): the embedding does not come from a linear layer (Gemm) that only makes it unit-length follows, so there is none to fold this into")
        }
        // Who was learnt from, by name, and of each person samples spread over all there are.
        let everyone = (run.data.subsets[.train] ?? [:]).sorted { $0.key < $1.key }.map(\.value).filter { $0.count > 1 }
        let chosen = everyone.map { own in own.count <= samplesPerPerson ? own : (0..<samplesPerPerson).map { own[$0 * own.count / samplesPerPerson] } }
        let all = chosen.flatMap { $0 }
        guard !all.isEmpty else { throw FitError(.badData, "\(folder.recipe): nobody has several samples, so nothing is known of how they differ within a person") }
        let views = FrozenEmbeddings.views(1 + (run.recipe.modalities[slot].modality.isAugmented ? augmentedViews : 0), seed: run.recipe.seed)
        let embedder = SampleEmbedder(run.model, run.data)
        var groups = [[[Float]]](repeating: [], count: chosen.count)
        for (turn, view) in views.enumerated() {
            let found = try embedder.embeddings(of: all, view: view, modalities: [names[slot]]) { done, _ in advance(turn * all.count + done, views.count * all.count) }
            var next = 0
            for (index, group) in chosen.enumerated() {
                groups[index] += found[next..<next + group.count].compactMap { $0.modalities[slot] }
                next += group.count
            }
        }
        let size = run.model.dimensions[slot], covariance = try WithinClassCovariance(groups, size: size)
        let (matrix, spread) = covariance.normalization(shrinkage: shrinkage)
        var changed = checkpoint, mean = [Double](repeating: 0, count: size)
        if centres {
            guard layer.bias != nil else { throw FitError(.configuration, "\(names[slot]): its last layer has no bias that a mean could be taken from") }
            // What the layer gives is made unit-length afterwards; its mean is that of the unit-length ones, as long as outputs are on average.
            let raw = MeasuredNetwork(layer.unnormalized(graph)), loader = BatchLoader(run.data, run.recipe, device: run.model.device)
            var length = 0.0, count = 0.0
            for sample in chosen.compactMap(\.first) {
                guard let input = try loader.inputs([sample], .fixed(.clean, modalities: [names[slot]])).values[slot] else { continue }
                let values = try raw(input.tensor().values(as: Float.self), shape: input.shape)
                // Of a sample that is looked at in several pieces each is an output.
                for start in stride(from: 0, to: values.count, by: size) {
                    length += values[start..<start + size].reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
                    count += 1
                }
            }
            length /= max(1, count)
            for group in groups where !group.isEmpty {
                for embedding in group { for place in 0..<size { mean[place] += length * Double(embedding[place]) / Double(group.count * groups.count) } }
            }
        }
        let replaced = layer.less(mean, multipliedBy: shrinkage < 1 ? matrix : nil, graph)
        for (name, tensor) in replaced { changed.tensors["\(names[slot])/\(name)"] = tensor }
        let how = "shrinkage \(shrinkage)" + (centres ? ", centred" : "")
        changed.metadata[Self.key] = "\(names[slot]), \(how), \(samplesPerPerson) samples, \(views.count) views"
        if checkpoint.metadata[Self.key] == nil { try checkpoint.write(to: learnt) }
        try changed.write(to: best)
        return Outcome(people: covariance.people, samples: covariance.samples, spread: spread)
    }
}

/// The linear layer that an encoder's embedding comes from: `W [d, n]` or its transpose, and a bias.
private struct LastLayer {
    var weight: String
    var bias: String?
    /// What it gives.
    var output: String
    var isTransposed: Bool

    init?(of graph: Graph) {
        guard let output = graph.outputs.first?.name, graph.outputs.count == 1 else { return nil }
        var name = output
        while let node = graph.nodes.first(where: { $0.outputs.contains(name) }) {
            switch node.operation {
            case "Identity", "LpNormalization": name = node.inputs[0]
            case "Gemm":
                guard node.inputs.count >= 2, graph.initializers[node.inputs[1]] != nil, node.number("alpha", 1) == 1, node.number("beta", 1) == 1 else { return nil }
                weight = node.inputs[1]
                self.output = node.outputs[0]
                isTransposed = node.number("transB", 0) != 0
                bias = node.inputs.count > 2 && !node.inputs[2].isEmpty ? node.inputs[2] : nil
                if let bias, graph.initializers[bias] == nil { return nil }
                return
            default: return nil
            }
        }
        return nil
    }

    /// The graph up to this layer, whose outputs have any length.
    func unnormalized(_ graph: Graph) -> Graph {
        var part = graph
        var name = graph.outputs[0].name
        while name != output, let last = part.nodes.lastIndex(where: { $0.outputs.contains(name) }) { name = part.nodes.remove(at: last).inputs[0] }
        part.outputs[0].name = output
        return part
    }

    /// New values of the layer's weights, by name, whose outputs are the old ones less some vector, times a symmetric matrix where there is one.
    func less(_ vector: [Double], multipliedBy matrix: [Double]?, _ graph: Graph) -> [(name: String, tensor: Tensor)] {
        guard let old = graph.initializers[weight] else { return [] }
        var result: [(name: String, tensor: Tensor)] = []
        let size = vector.count
        if let matrix {
            let values: [Float] = old.values(), width = values.count / size
            var sums = [Float](repeating: 0, count: values.count), sum = [Double](repeating: 0, count: width)
            for row in 0..<size {
                for place in 0..<width { sum[place] = 0 }
                for from in 0..<size {
                    let factor = matrix[row * size + from]
                    for place in 0..<width { sum[place] += factor * Double(isTransposed ? values[from * width + place] : values[place * size + from]) }
                }
                for place in 0..<width { sums[isTransposed ? row * width + place : place * size + row] = Float(sum[place]) }
            }
            result.append((name: weight, tensor: Tensor(shape: old.shape, values: sums)))
        }
        if let bias, let before: [Float] = graph.initializers[bias]?.values() {
            let less = zip(before, vector).map { Double($0) - $1 }
            let after = (0..<size).map { row in Float(matrix.map { matrix in (0..<size).reduce(0) { $0 + matrix[row * size + $1] * less[$1] } } ?? less[row]) }
            result.append((name: bias, tensor: Tensor(shape: [size], values: after)))
        }
        return result
    }
}

extension Node {
    fileprivate func number(_ name: String, _ usual: Double) -> Double {
        switch attributes[name] {
        case .int(let value)?: Double(value)
        case .float(let value)?: Double(value)
        default: usual
        }
    }
}
