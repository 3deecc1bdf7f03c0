public import Foundation
import ModelBundle

/// A recipe of a task other than identities: `task:` says which.
///
///     name: lips
///     task: synchrony
///     ...                             # what the task reads, see there
///     optimizer: {name: adamw, rate: 0.001}
///     schedule: {name: cosine, warm_up: 1}
///     epochs: 30
///     start: {mouth: mouth.onnx}      # networks that are learnt on, by name: of an earlier run, exported; otherwise a network begins anew
///
/// `optimizer`, `schedule`, `epochs`, `precision`, `clip_gradients`, `checkpoint_steps` and `seed` are those of a ``Recipe``.
public struct TaskRecipe: Sendable {
    public var name: String
    public var seed: UInt64
    public var optimizer: Recipe.OptimizerRecipe
    public var schedule: LearningSchedule
    public var epochs: Int
    public var precision: Precision
    public var gradientLimit: Double
    public var checkpointSteps: Int
    /// Files with first weights, by network.
    public var start: [String: String]
    /// As ``Recipe/text`` and ``Recipe/source``.
    public var text: String
    public var source: String
    var settings: any TaskSettings

    /// The tasks.
    static let kinds: [any TaskSettings.Type] = [SynchronySettings.self, VoiceActivitySettings.self, FaceDetectionSettings.self]

    /// Whether the file is a recipe of a task; one that cannot be read is not.
    public static func isOne(_ url: URL, overrides: [(key: String, value: String)] = []) -> Bool {
        guard let text = try? String(contentsOf: url, encoding: .utf8), let top = try? YAMLSection(yaml: text, file: url.path, overrides: overrides) else { return false }
        return top.keys.contains("task")
    }

    /// Reads a recipe. Paths in it count from the folder that it lies in.
    /// - Throws: `BundleError` with file, line and key.
    public init(contentsOf url: URL, overrides: [(key: String, value: String)] = []) throws {
        let yaml: String
        do { yaml = try String(contentsOf: url, encoding: .utf8) } catch {
            throw BundleError.unreadable(path: url.path, detail: "\(error.localizedDescription); expected a recipe in YAML")
        }
        var top = try YAMLSection(yaml: yaml, file: url.path, overrides: overrides)
        source = yaml + overrides.map { "# -c \($0.key)=\($0.value)\n" }.joined()
        let task = try top.text("task")
        guard let kind = Self.kinds.first(where: { $0.name == task }) else {
            throw top.problem("task", "‘\(task)’ is not one of \(Self.kinds.map { $0.name }.joined(separator: ", ")); who somebody is needs no task")
        }
        name = try top.optionalText("name") ?? url.deletingPathExtension().lastPathComponent
        seed = UInt64(try top.optionalInteger("seed", in: 0...Int.max) ?? 1)
        var optimizer = try top.sectionOrEmpty("optimizer")
        self.optimizer = try Recipe.OptimizerRecipe(&optimizer)
        try optimizer.finish()
        var schedule = try top.sectionOrEmpty("schedule")
        self.schedule = try LearningSchedule(&schedule)
        try schedule.finish()
        epochs = try top.optionalInteger("epochs", in: 1...1_000_000) ?? 20
        precision = try top.choice("precision", default: .single)
        gradientLimit = try top.optionalReal("clip_gradients", in: 1e-6...1e9) ?? .infinity
        checkpointSteps = try top.optionalInteger("checkpoint_steps", in: 1...1_000_000) ?? 500
        var start = try top.sectionOrEmpty("start")
        let folder = url.deletingLastPathComponent()
        self.start = try start.keys.reduce(into: [:]) { $0[$1] = Recipe.resolved(try start.text($1), folder) }
        try start.finish()
        settings = try kind.init(&top, folder: folder)
        try top.finish()
        func quoted(_ path: String) -> String { "'" + path.replacing("'", with: "''") + "'" }
        let paths = settings.paths.map { (key: $0.key, value: $0.isList ? "[" + $0.paths.map(quoted).joined(separator: ", ") + "]" : quoted($0.paths[0])) }
        let begun = self.start.sorted { $0.key < $1.key }.map { (key: "start.\($0.key)", value: quoted($0.value)) }
        text = try YAMLSection.resolved(yaml: yaml, file: url.path, overrides: overrides + paths + begun)
    }
}

/// What a task reads in a recipe.
protocol TaskSettings: Sendable {
    static var name: String { get }
    init(_ section: inout YAMLSection, folder: URL) throws
    /// Keys that name files, with the paths from the root.
    var paths: [(key: String, paths: [String], isList: Bool)] { get }
    func task(seed: UInt64, device: TorchDevice) throws -> any LearningTask
}
