extension BundleManifest {
    /// The longest manifest in bytes.
    public static let longestFile = 1 << 18

    /// Reads a manifest.
    ///
    /// - Parameters:
    ///   - yaml: the text of `bundle.yaml`.
    ///   - file: how messages name it.
    /// - Throws: ``BundleError`` with file, line and key.
    public init(yaml: String, file: String) throws(BundleError) {
        guard yaml.utf8.count <= Self.longestFile else {
            throw .manifest(file: file, line: 1, key: "", problem: "longer than \(Self.longestFile) bytes")
        }
        var top = try YAMLSection(yaml: yaml, file: file)
        let schema = try top.text("schema")
        guard schema == "fwoc.bundle/1" else { throw top.problem("schema", "is ‘\(schema)’, expected fwoc.bundle/1") }
        name = try top.text("name")
        guard !name.isEmpty, name.utf8.allSatisfy({ Self.isNameByte($0) }) else {
            throw top.problem("name", "‘\(name)’ may only hold letters, digits, ‘-’, ‘_’ and ‘.’")
        }
        version = try top.text("version")
        licence = try top.text("licence")
        origin = try top.text("origin")
        notes = try top.optionalText("notes")
        location = try top.choice("files", default: .bundle)

        var sections = try top.section("roles")
        var roles: [BundleRole: Role] = [:]
        for key in sections.keys {
            guard let role = BundleRole(rawValue: key) else {
                throw sections.unknown(key, known: BundleRole.allCases.map(\.rawValue))
            }
            roles[role] = try Self.role(role, try sections.section(key))
        }
        guard !roles.isEmpty else { throw top.problem("roles", "names no role") }
        self.roles = roles

        if var section = try top.optionalSection("matching") {
            matching = try Self.matching(&section)
        } else {
            matching = nil
        }
        try top.finish()
    }

    private static func role(_ role: BundleRole, _ given: YAMLSection) throws(BundleError) -> Role {
        var section = given
        let file = try section.text("file")
        guard !file.isEmpty, !file.hasPrefix("."), file.utf8.allSatisfy({ isNameByte($0) }) else {
            throw section.problem("file", "‘\(file)’ must be a plain file name without folders")
        }
        let sha256 = try section.text("sha256")
        guard sha256.utf8.count == 64, sha256.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else {
            throw section.problem("sha256", "‘\(sha256)’ is no SHA-256; expected 64 lower-case hexadecimal digits")
        }

        var contractSection = try section.section("contract")
        let preset = try contractSection.text("preset")
        guard let roles = BundleContract.presets[preset] else {
            let known = BundleContract.presets.keys.sorted()
            let nearest = nearestKey(to: preset, among: known).map { "did you mean ‘\($0)’?" } ?? "known: \(known.joined(separator: ", "))"
            throw contractSection.problem("preset", "unknown preset ‘\(preset)’; \(nearest)")
        }
        guard roles.contains(role) else {
            throw .contractMismatch(
                role: role, file: file, key: "contract.preset", got: "\(preset), which serves \(roles.map(\.rawValue).sorted().joined(separator: ", "))",
                expected: "a preset of \(role)")
        }
        let contract = BundleContract(preset: preset, values: try contractSection.remainingScalars())

        let inputs = try section.names("inputs")
        let outputs = try section.names("outputs")
        let score: Score? = try section.optionalChoice("score")
        let dimension = try section.optionalInteger("dimension", in: 1...4096)
        if role.isEncoder && dimension == nil { throw section.problem("dimension", "missing; an encoder must say how long its embeddings are") }
        if !role.isEncoder && dimension != nil { throw section.problem("dimension", "only encoders have one") }
        let result = Role(
            file: file, sha256: sha256, contract: contract, inputs: inputs, outputs: outputs, score: score, dimension: dimension,
            licence: try section.optionalText("licence"), origin: try section.optionalText("origin"), notes: try section.optionalText("notes"))
        try section.finish()
        return result
    }

    private static func matching(_ section: inout YAMLSection) throws(BundleError) -> Matching {
        var thresholds = try section.section("thresholds")
        let face = try thresholds.number("face", in: -1...2)
        let voice = try thresholds.number("voice", in: -1...2)
        let both = try thresholds.number("both", in: -1...2)
        try thresholds.finish()
        var fusion = try section.section("fusion")
        let faceScale = try scale(try fusion.section("face"))
        let voiceScale = try scale(try fusion.section("voice"))
        let halfWeight = try fusion.optionalNumber("voice_half_weight", in: 0...60)
        try fusion.finish()
        var faceAgreement: Float?
        var voiceAgreement: Float?
        if var agreement = try section.optionalSection("agreement") {
            faceAgreement = try agreement.optionalNumber("face", in: -1...1)
            voiceAgreement = try agreement.optionalNumber("voice", in: -1...1)
            try agreement.finish()
        }
        var calibration = try section.sectionOrEmpty("calibration")
        let faceCalibration = try Self.calibration(&calibration, "face")
        let voiceCalibration = try Self.calibration(&calibration, "voice")
        let bothCalibration = try Self.calibration(&calibration, "both")
        try calibration.finish()
        let matching = Matching(
            faceThreshold: face, voiceThreshold: voice, bothThreshold: both, margin: try section.number("margin", in: 0...1),
            hysteresis: try section.optionalNumber("hysteresis", in: 0...1),
            voiceAloneSeconds: try section.optionalNumber("voice_alone", in: 0...60), face: faceScale, voice: voiceScale,
            voiceHalfWeightSeconds: halfWeight, faceAgreement: faceAgreement, voiceAgreement: voiceAgreement,
            faceCalibration: faceCalibration, voiceCalibration: voiceCalibration, bothCalibration: bothCalibration)
        try section.finish()
        return matching
    }

    private static func calibration(_ sets: inout YAMLSection, _ key: String) throws(BundleError) -> Matching.Calibration? {
        guard var section = try sets.optionalSection(key) else { return nil }
        guard let slope = try section.optionalReal("slope", in: 0...1e6) else { throw section.problem("slope", "missing") }
        guard slope > 0 else { throw section.problem("slope", "must be larger than 0: a higher score speaks for one person") }
        guard let offset = try section.optionalReal("offset", in: -1e6...1e6) else { throw section.problem("offset", "missing") }
        guard let impostors = try section.optionalInteger("impostors", in: 1...Int(Int32.max)) else {
            throw section.problem("impostors", "missing; how many comparisons of different people it was learnt from")
        }
        var seen: [SIMD2<Double>] = []
        if var steps = try section.optionalSection("seen") {
            for key in steps.keys {
                guard let score = Double(key), (-1...2).contains(score) else { throw steps.problem(key, "is no score from -1 to 2") }
                guard let share = try steps.optionalReal(key, in: 0...1), share > 0 else { throw steps.problem(key, "expected a share larger than 0") }
                seen.append(SIMD2(score, share))
            }
        }
        try section.finish()
        return Matching.Calibration(slope: slope, offset: offset, impostors: impostors, seen: seen.sorted { $0.x < $1.x })
    }

    private static func scale(_ given: YAMLSection) throws(BundleError) -> Matching.Scale {
        var section = given
        let scale = Matching.Scale(
            impostor: try section.number("impostor", in: -1...1), genuine: try section.number("genuine", in: -1...1),
            weight: try section.number("weight", in: 0...10_000))
        guard scale.genuine > scale.impostor else { throw section.problem("genuine", "must be larger than impostor") }
        guard scale.weight > 0 else { throw section.problem("weight", "must be larger than 0") }
        try section.finish()
        return scale
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
    }
}
