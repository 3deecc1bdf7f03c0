import Yams

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
        if let (line, name) = Self.firstAlias(yaml) {
            throw .manifest(file: file, line: line, key: "", problem: "alias ‘*\(name)’; aliases are not supported, write the value out")
        }
        let root: Yams.Node?
        do { root = try compose(yaml: yaml) } catch { throw Self.syntaxError(error, file: file) }
        guard let root else { throw .manifest(file: file, line: 1, key: "", problem: "empty; expected a bundle manifest") }

        var top = try ManifestSection(root, file: file, path: "")
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

    private static func role(_ role: BundleRole, _ given: ManifestSection) throws(BundleError) -> Role {
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

    private static func matching(_ section: inout ManifestSection) throws(BundleError) -> Matching {
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
        let matching = Matching(
            faceThreshold: face, voiceThreshold: voice, bothThreshold: both, margin: try section.number("margin", in: 0...1),
            hysteresis: try section.optionalNumber("hysteresis", in: 0...1),
            voiceAloneSeconds: try section.optionalNumber("voice_alone", in: 0...60), face: faceScale, voice: voiceScale,
            voiceHalfWeightSeconds: halfWeight, faceAgreement: faceAgreement, voiceAgreement: voiceAgreement)
        try section.finish()
        return matching
    }

    private static func scale(_ given: ManifestSection) throws(BundleError) -> Matching.Scale {
        var section = given
        let scale = Matching.Scale(
            impostor: try section.number("impostor", in: -1...1), genuine: try section.number("genuine", in: -1...1),
            weight: try section.number("weight", in: 0...10_000))
        guard scale.genuine > scale.impostor else { throw section.problem("genuine", "must be larger than impostor") }
        guard scale.weight > 0 else { throw section.problem("weight", "must be larger than 0") }
        try section.finish()
        return scale
    }

    /// The first `*name` for which there is an `&name`. An alias repeats its anchor's content, so that a small file could unfold
    /// to gigabytes while it is still being parsed; what only looks like an alias in running text has no anchor.
    private static func firstAlias(_ yaml: String) -> (line: Int, name: String)? {
        var anchors: Set<String> = []
        var aliases: [(line: Int, name: String)] = []
        var line = 1
        var marker: UInt8?
        var name: [UInt8] = []
        func isAnchorByte(_ byte: UInt8) -> Bool { isNameByte(byte) && byte != UInt8(ascii: ".") }
        for byte in yaml.utf8 + [0] {
            if marker != nil, isAnchorByte(byte) {
                name.append(byte)
                continue
            }
            if let mark = marker, !name.isEmpty {
                let text = String(decoding: name, as: UTF8.self)
                if mark == UInt8(ascii: "&") { anchors.insert(text) } else { aliases.append((line, text)) }
            }
            name = []
            marker = byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*") ? byte : nil
            if byte == UInt8(ascii: "\n") { line += 1 }
        }
        return aliases.first { anchors.contains($0.name) }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
    }

    private static func syntaxError(_ error: any Error, file: String) -> BundleError {
        func refuse(_ line: Int, _ problem: String) -> BundleError { .manifest(file: file, line: line, key: "", problem: "not valid YAML: \(problem)") }
        guard let error = error as? YamlError else { return refuse(1, "\(error)") }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
            return refuse(mark.line, problem)
        case .reader(let problem, let offset, _, let yaml):
            return refuse(1 + yaml.utf8.prefix(offset ?? 0).count { $0 == UInt8(ascii: "\n") }, problem)
        case .duplicatedKeysInMapping(let duplicates, let context):
            return .manifest(file: file, line: context.mark.line, key: duplicates.sorted().joined(separator: ", "), problem: "given twice")
        default:
            return refuse(1, "\(error)")
        }
    }
}
