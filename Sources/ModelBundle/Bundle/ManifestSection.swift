import Yams

/// One mapping of a manifest while it is read: every key must be taken, so that what is left over is unknown.
struct ManifestSection {
    let file: String
    /// Dotted path of the mapping, empty at the top.
    let path: String
    let line: Int
    private let values: [(key: String, line: Int, node: Yams.Node)]
    private var taken: Set<String> = []
    private var asked: [String] = []

    init(_ node: Yams.Node, file: String, path: String) throws(BundleError) {
        self.file = file
        self.path = path
        line = node.mark?.line ?? 1
        guard case .mapping(let mapping) = node else {
            throw .manifest(file: file, line: line, key: path, problem: "expected keys with values")
        }
        var values: [(String, Int, Yams.Node)] = []
        for (key, value) in mapping {
            let line = key.mark?.line ?? self.line
            guard case .scalar(let scalar) = key else {
                throw .manifest(file: file, line: line, key: path, problem: "a key must be plain text")
            }
            values.append((scalar.string, line, value))
        }
        self.values = values
    }

    var keys: [String] { values.map(\.key) }

    func problem(_ key: String, _ problem: String) -> BundleError {
        .manifest(file: file, line: values.first { $0.key == key }?.line ?? line, key: Self.join(path, key), problem: problem)
    }

    func unknown(_ key: String, known: [String]) -> BundleError {
        .unknownKey(
            file: file, line: values.first { $0.key == key }?.line ?? line, key: Self.join(path, key),
            nearest: nearestKey(to: key, among: known), known: known)
    }

    /// Refuses keys that nobody asked for.
    func finish() throws(BundleError) {
        for value in values where !taken.contains(value.key) { throw unknown(value.key, known: asked.sorted()) }
    }

    private mutating func take(_ key: String) -> Yams.Node? {
        asked.append(key)
        taken.insert(key)
        return values.first { $0.key == key }?.node
    }

    // MARK: - Values

    mutating func optionalText(_ key: String) throws(BundleError) -> String? {
        guard let node = take(key) else { return nil }
        guard case .scalar(let scalar) = node else { throw problem(key, "expected text") }
        return scalar.string
    }

    mutating func text(_ key: String) throws(BundleError) -> String {
        guard let text = try optionalText(key) else { throw problem(key, "missing") }
        return text
    }

    mutating func optionalNumber(_ key: String, in range: ClosedRange<Float>) throws(BundleError) -> Float? {
        guard let text = try optionalText(key) else { return nil }
        guard let number = Float(text), range.contains(number) else {
            throw problem(key, "‘\(text)’ is no number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func number(_ key: String, in range: ClosedRange<Float>) throws(BundleError) -> Float {
        guard let number = try optionalNumber(key, in: range) else { throw problem(key, "missing") }
        return number
    }

    mutating func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(BundleError) -> Int? {
        guard let text = try optionalText(key) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw problem(key, "‘\(text)’ is no whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func optionalChoice<Choice: RawRepresentable<String> & CaseIterable>(_ key: String) throws(BundleError) -> Choice? {
        guard let text = try optionalText(key) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            throw problem(key, "‘\(text)’ is not one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }

    mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(_ key: String, default: Choice) throws(BundleError) -> Choice {
        try optionalChoice(key) ?? `default`
    }

    mutating func optionalSection(_ key: String) throws(BundleError) -> ManifestSection? {
        guard let node = take(key) else { return nil }
        return try ManifestSection(node, file: file, path: Self.join(path, key))
    }

    mutating func section(_ key: String) throws(BundleError) -> ManifestSection {
        guard let section = try optionalSection(key) else { throw problem(key, "missing") }
        return section
    }

    /// A mapping of names to names, not empty.
    mutating func names(_ key: String) throws(BundleError) -> [String: String] {
        var section = try section(key)
        var names: [String: String] = [:]
        for name in section.keys { names[name] = try section.text(name) }
        guard !names.isEmpty else { throw problem(key, "names nothing") }
        return names
    }

    /// All keys that were not taken yet, mappings flattened to dotted keys, sequences of scalars as `[a,b]`.
    mutating func remainingScalars() throws(BundleError) -> [String: String] {
        var result: [String: String] = [:]
        for (key, _, node) in values where !taken.contains(key) {
            taken.insert(key)
            switch node {
            case .scalar(let scalar): result[key] = scalar.string
            case .sequence(let sequence):
                var parts: [String] = []
                for element in sequence {
                    guard case .scalar(let scalar) = element else { throw problem(key, "a list may only hold numbers and text") }
                    parts.append(scalar.string)
                }
                result[key] = "[" + parts.joined(separator: ",") + "]"
            case .mapping:
                var inner = try ManifestSection(node, file: file, path: Self.join(path, key))
                for (innerKey, value) in try inner.remainingScalars() { result["\(key).\(innerKey)"] = value }
            case .alias: throw problem(key, "aliases are not supported; write the value out")
            }
        }
        return result
    }

    private static func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}

/// The known key that was probably meant: at most two letters or a third of them away (Levenshtein, 1966).
func nearestKey(to key: String, among known: [String]) -> String? {
    func distance(_ a: [Character], _ b: [Character]) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let substituted = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }
    let letters = Array(key.lowercased().prefix(64))
    let nearest = known.map { (distance(letters, Array($0.lowercased())), $0) }.min { $0 < $1 }
    guard let nearest, nearest.0 <= max(2, nearest.1.count / 3) else { return nil }
    return nearest.1
}
