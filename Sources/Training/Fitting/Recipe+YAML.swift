public import Foundation
public import ModelBundle
import Datasets

extension Recipe {
    /// Reads a recipe. Paths in it count from the folder that it lies in.
    ///
    /// - Parameters:
    ///   - overrides: dotted keys with the values that they have instead, as on a command line.
    /// - Throws: ``BundleError`` with file, line and key.
    public init(
        contentsOf url: URL, overrides: [(key: String, value: String)] = [], vocabulary: RecipeVocabulary = RecipeVocabulary()
    ) throws(BundleError) {
        guard FileManager.default.fileExists(atPath: url.path) else { throw .noFile(path: url.path, expected: "a recipe in YAML") }
        let text: String
        do { text = try String(contentsOf: url, encoding: .utf8) } catch {
            throw .unreadable(path: url.path, detail: "\(error.localizedDescription); expected a recipe in YAML")
        }
        try self.init(yaml: text, file: url.path, folder: url.deletingLastPathComponent(), overrides: overrides, vocabulary: vocabulary)
    }

    public init(
        yaml: String, file: String, folder: URL, overrides: [(key: String, value: String)] = [], vocabulary: RecipeVocabulary = RecipeVocabulary()
    ) throws(BundleError) {
        var top = try YAMLSection(yaml: yaml, file: file, overrides: overrides)
        source = yaml + overrides.map { "# -c \($0.key)=\($0.value)\n" }.joined()
        name = try top.optionalText("name") ?? (file as NSString).lastPathComponent.replacing(".yaml", with: "")
        seed = UInt64(try top.optionalInteger("seed", in: 0...Int.max) ?? 1)
        draws = try top.optionalInteger("draws", in: 0...Int.max).map { UInt64($0) } ?? seed

        var data = try top.section("data")
        self.data = try TrainingDataSource(&data, folder: folder)
        let holdOut = self.data.holdOut
        try data.finish()

        var modalities: [ModalityRecipe] = []
        for var section in try top.sections("modalities") {
            modalities.append(try Self.modality(&section, folder: folder, vocabulary: vocabulary))
            try section.finish()
        }
        guard !modalities.isEmpty else { throw top.problem("modalities", "missing; expected a list such as [{name: face, encoder: mobilefacenet-small}]") }
        let names = modalities.map(\.name)
        guard Set(names).count == names.count else { throw top.problem("modalities", "one of them is named twice: \(names.joined(separator: ", "))") }
        self.modalities = modalities

        if var section = try top.optionalSection("fuser") {
            let name = try section.text("name")
            guard FuserNetwork.names.contains(name) else { throw section.problem("name", "‘\(name)’ is not one of \(FuserNetwork.names.joined(separator: ", "))") }
            fuser = FuserRecipe(
                name: name, dimension: try section.optionalInteger("size", in: 1...8192) ?? 256, learnsContradictions: try section.optionalFlag("contradictions") ?? false)
            try section.finish()
        } else {
            guard modalities.count == 1 else { throw top.problem("fuser", "missing; \(modalities.count) modalities need one: \(FuserNetwork.names.joined(separator: ", "))") }
            fuser = nil
        }

        var losses: [LossTerm] = []
        for var section in try top.sections("losses") {
            losses.append(try LossTerm(&section, modalities: names, hasFuser: fuser != nil, folder: folder))
            try section.finish()
        }
        guard !losses.isEmpty else { throw top.problem("losses", "missing; expected a list such as [{name: triplet, on: fused}]") }
        self.losses = losses

        var optimizer = try top.sectionOrEmpty("optimizer")
        self.optimizer = try OptimizerRecipe(&optimizer)
        try optimizer.finish()

        var schedule = try top.sectionOrEmpty("schedule")
        self.schedule = try LearningSchedule(&schedule)
        try schedule.finish()

        var batch = try top.sectionOrEmpty("batch")
        identitiesPerBatch = try batch.optionalInteger("people", in: 1...65536) ?? 16
        samplesPerIdentity = try batch.optionalInteger("samples", in: 1...65536) ?? 4
        try batch.finish()

        epochs = try top.optionalInteger("epochs", in: 1...1_000_000) ?? 20
        precision = try top.choice("precision", default: .single)
        gradientLimit = try top.optionalReal("clip_gradients", in: 1e-6...1e9) ?? .infinity
        modalityDropout = try top.optionalReal("modality_dropout", in: 0...1) ?? 0
        cache = try top.optionalText("cache").map { Self.resolved($0, folder) }
        checkpointSteps = try top.optionalInteger("checkpoint_steps", in: 1...1_000_000) ?? 500

        var validation = try top.sectionOrEmpty("validation")
        self.validation = ValidationRecipe(
            metric: try validation.choice("metric", default: .auc), every: try validation.optionalInteger("every", in: 1...1000) ?? 1,
            patience: try validation.optionalInteger("patience", in: 0...100_000) ?? 0, samplesPerIdentity: try validation.optionalInteger("samples", in: 2...10_000) ?? 20)
        try validation.finish()
        try top.finish()

        var paths: [(key: String, value: String)] = []
        func quoted(_ path: String) -> String { "'" + path.replacing("'", with: "''") + "'" }
        func list(_ paths: [String]) -> String { "[" + paths.map(quoted).joined(separator: ", ") + "]" }
        if let cache { paths.append(("cache", quoted(cache))) }
        if !self.data.shards.isEmpty { paths.append(("data.shards", list(self.data.shards))) }
        for pair in self.data.pairs { paths.append(("data.pairs.\(pair.modality)", list(pair.shards))) }
        if !holdOut.isEmpty { paths.append(("data.split.hold_out", list(holdOut))) }
        for (index, part) in modalities.enumerated() where part.isFile { paths.append(("modalities.\(index).encoder", quoted(part.encoder))) }
        for (index, part) in modalities.enumerated() { for file in part.modality.files { paths.append(("modalities.\(index).\(file.key)", quoted(file.path))) } }
        for (index, term) in losses.enumerated() { if case .distillation(let teacher, _, _, _, _, _) = term.kind { paths.append(("losses.\(index).teacher", quoted(teacher))) } }
        text = try YAMLSection.resolved(yaml: yaml, file: file, overrides: overrides + paths)
    }

    private static func modality(_ section: inout YAMLSection, folder: URL, vocabulary: RecipeVocabulary) throws(BundleError) -> ModalityRecipe {
        let name = try section.text("name")
        guard let type = vocabulary.modalities.first(where: { $0.name == name }) else {
            throw section.problem("name", "‘\(name)’ is not one of \(vocabulary.modalities.map { $0.name }.joined(separator: ", "))")
        }
        let dimension = try section.optionalInteger("size", in: 1...8192) ?? 256
        let isTrainable = try section.optionalFlag("train") ?? true
        let views = try section.optionalInteger("views", in: 1...100) ?? 1
        let encoder = try section.text("encoder")
        let modality = try type.init(recipe: &section, folder: folder)
        let isFile = encoder.hasSuffix(".onnx")
        guard isFile || modality.encoderNames.contains(encoder) else {
            throw section.problem("encoder", "‘\(encoder)’ is not one of \(modality.encoderNames.joined(separator: ", ")), nor the path of an ONNX file")
        }
        return ModalityRecipe(
            modality: modality, encoder: isFile ? resolved(encoder, folder) : encoder, isFile: isFile, dimension: dimension, isTrainable: isTrainable, views: isTrainable ? 1 : views)
    }

    /// A path of a recipe: from the recipe's folder, with `$NAME` and `${NAME}` of the environment at its beginning filled in.
    static func resolved(_ path: String, _ folder: URL) -> String {
        var path = path
        if path.hasPrefix("$") {
            let name = path.dropFirst().prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "{" || $0 == "}" }
            let key = name.filter { $0 != "{" && $0 != "}" }
            if let value = ProcessInfo.processInfo.environment[String(key)] { path = value + path.dropFirst(name.count + 1) }
        }
        return path.hasPrefix("/") ? path : folder.appendingPathComponent(path).path
    }
}

extension Recipe.OptimizerRecipe {
    init(_ section: inout YAMLSection) throws(BundleError) {
        let name: Name = try section.choice("name", default: .adam)
        self.init(
            name: name, rate: try section.optionalReal("rate", in: 1e-9...10) ?? 1e-3,
            weightDecay: try section.optionalReal("weight_decay", in: 0...1) ?? 0, momentum: try section.optionalReal("momentum", in: 0...0.9999) ?? (name == .muon ? 0.95 : 0.9),
            average: try section.optionalReal("average", in: 0...0.999999) ?? 0)
    }

    func optimizer(of weights: [TorchTensor], precision: Precision) throws -> any Optimizer {
        switch name {
        case .adam, .adamw: try Adam(weights, learningRate: rate, weightDecay: weightDecay, decouplesDecay: name == .adamw)
        case .muon: try Muon(weights, learningRate: rate, momentum: momentum, weightDecay: weightDecay, precision: precision)
        case .sgd: try StochasticGradientDescent(weights, learningRate: rate, momentum: momentum, weightDecay: weightDecay)
        }
    }
}
