public import Datasets
import Foundation
import ModelBundle

/// Where a recipe's people come from.
///
/// Recipe: `shards`, folders that are read together, in each of which a row is a sample of its identity; or `pairs`, folders by modality, whose identities are
/// made into ``PseudoPeople``. `split`: `validation` and `test`, shares of the people, `seed`, and `hold_out`, a list of identities nobody learns from.
/// `least_samples` (2): people with fewer are left out.
public struct TrainingDataSource: Sendable, Hashable {
    /// Folders of shards; each row's own modalities.
    public var shards: [String]
    /// Or folders by modality.
    public var pairs: [Pair]
    public var split: Split
    public var leastSamples: Int
    /// Files of ``split``'s fixed places.
    var holdOut: [String] = []

    public struct Pair: Sendable, Hashable {
        public var modality: String
        public var shards: [String]
    }

    init(_ section: inout YAMLSection, folder: URL) throws(BundleError) {
        shards = try section.texts("shards").map { Recipe.resolved($0, folder) }
        pairs = []
        if var inner = try section.optionalSection("pairs") {
            for key in inner.keys { pairs.append(Pair(modality: key, shards: try inner.texts(key).map { Recipe.resolved($0, folder) })) }
            try inner.finish()
        }
        guard shards.isEmpty != pairs.isEmpty else { throw section.problem("shards", "name folders of shards, or folders by modality under ‘pairs’; one of the two") }
        leastSamples = try section.optionalInteger("least_samples", in: 1...10_000) ?? 2
        var inner = try section.sectionOrEmpty("split")
        var fixed: [String: Split.Subset] = [:]
        holdOut = try inner.texts("hold_out").map { Recipe.resolved($0, folder) }
        for path in holdOut {
            do {
                for identity in try Split.list(path: path) { fixed[identity] = .heldOut }
            } catch { throw inner.problem("hold_out", error.description) }
        }
        do {
            split = try Split(
                seed: UInt64(try inner.optionalInteger("seed", in: 0...Int.max) ?? 1), validation: try inner.optionalReal("validation", in: 0...0.9) ?? 0.1,
                test: try inner.optionalReal("test", in: 0...0.9) ?? 0.2, fixed: fixed)
        } catch let error as BundleError { throw error } catch { throw inner.problem("validation", "\(error)") }
        try inner.finish()
    }

    public init(shards: [String] = [], pairs: [Pair] = [], split: Split, leastSamples: Int = 2) {
        (self.shards, self.pairs, self.split, self.leastSamples) = (shards, pairs, split, leastSamples)
    }

    /// That the folders are where the recipe says, for work on a run that was trained somewhere else.
    /// - Throws: ``FitError`` that names the key to override.
    public func checkPresent(recipe: String) throws(FitError) {
        func isGone(_ path: String) -> Bool { !FileManager.default.fileExists(atPath: path) }
        let keys = [("data.shards", shards)] + pairs.map { ("data.pairs.\($0.modality)", $0.shards) }
        for (key, paths) in keys {
            guard let path = paths.first(where: isGone) else { continue }
            throw FitError(.noInput, "\(path): no such folder, though \(recipe) says that the run's shards lie there (\(key)); say where they are now: -c \(key)=[folder]")
        }
    }
}
