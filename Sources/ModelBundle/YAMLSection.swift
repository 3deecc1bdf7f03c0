import Yams

/// One mapping of a YAML file while it is read: every key must be taken, so that what is left over is unknown and refused with its line and the
/// nearest known key. Bundle manifests and recipes are read by it. Errors are ``BundleError/manifest(file:line:key:problem:)`` and
/// ``BundleError/unknownKey(file:line:key:nearest:known:)``.
public struct YAMLSection {
    public let file: String
    /// Dotted path of the mapping, empty at the top.
    public let path: String
    public let line: Int
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

    /// A whole file.
    ///
    /// - Parameters:
    ///   - yaml: its text.
    ///   - file: how messages name it.
    ///   - overrides: dotted keys and what they are instead, in order; a number in a key counts elements of a list, from 0; the one
    ///     after the last is added. What stands on the way is made.
    public init(yaml: String, file: String, overrides: [(key: String, value: String)] = []) throws(BundleError) {
        if let (line, name) = Self.firstAlias(yaml) {
            throw .manifest(file: file, line: line, key: "", problem: "alias ‘*\(name)’; aliases are not supported, write the value out")
        }
        try self.init(Self.root(yaml, file, overrides), file: file, path: "")
    }

    /// The text of a file with its overrides in place; comments are lost.
    public static func resolved(yaml: String, file: String, overrides: [(key: String, value: String)]) throws(BundleError) -> String {
        let root = try root(yaml, file, overrides)
        do { return try Yams.serialize(node: root, allowUnicode: true) } catch { throw syntaxError(error, file: file) }
    }

    private static func root(_ yaml: String, _ file: String, _ overrides: [(key: String, value: String)]) throws(BundleError) -> Yams.Node {
        let root: Yams.Node?
        do { root = try compose(yaml: yaml) } catch { throw Self.syntaxError(error, file: file) }
        guard var root else { throw .manifest(file: file, line: 1, key: "", problem: "empty; expected keys with values") }
        for (key, value) in overrides {
            let given: Yams.Node?
            do { given = try compose(yaml: value) } catch { throw Self.syntaxError(error, file: "-c \(key)") }
            guard Self.replace(&root, key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)[...], given ?? Yams.Node("")) else {
                throw .manifest(file: file, line: 1, key: key, problem: "-c \(key)=\(value): no such place; name keys with dots between them, and elements of a list by their number from 0")
            }
        }
        return root
    }

    private static func replace(_ node: inout Yams.Node, _ path: ArraySlice<String>, _ value: Yams.Node) -> Bool {
        guard let first = path.first else {
            node = value
            return true
        }
        switch node {
        case .mapping(var mapping):
            guard !first.isEmpty else { return false }
            var inner = mapping[first] ?? Yams.Node([(Yams.Node, Yams.Node)]())
            guard replace(&inner, path.dropFirst(), value) else { return false }
            mapping[first] = inner
            node = .mapping(mapping)
        case .sequence(var sequence):
            guard let index = Int(first), (0...sequence.count).contains(index) else { return false }
            if index == sequence.count { sequence.append(Yams.Node([(Yams.Node, Yams.Node)]())) }
            guard replace(&sequence[index], path.dropFirst(), value) else { return false }
            node = .sequence(sequence)
        case .scalar, .alias: return false
        }
        return true
    }

    public var keys: [String] { values.map(\.key) }

    public func problem(_ key: String, _ problem: String) -> BundleError {
        .manifest(file: file, line: values.first { $0.key == key }?.line ?? line, key: Self.join(path, key), problem: problem)
    }

    public func unknown(_ key: String, known: [String]) -> BundleError {
        .unknownKey(
            file: file, line: values.first { $0.key == key }?.line ?? line, key: Self.join(path, key),
            nearest: nearestKey(to: key, among: known), known: known)
    }

    /// Refuses keys that nobody asked for.
    public func finish() throws(BundleError) {
        for value in values where !taken.contains(value.key) { throw unknown(value.key, known: asked.sorted()) }
    }

    private mutating func take(_ key: String) -> Yams.Node? {
        asked.append(key)
        taken.insert(key)
        return values.first { $0.key == key }?.node
    }

    // MARK: - Values

    public mutating func optionalText(_ key: String) throws(BundleError) -> String? {
        guard let node = take(key) else { return nil }
        guard case .scalar(let scalar) = node else { throw problem(key, "expected text") }
        return scalar.string
    }

    public mutating func text(_ key: String) throws(BundleError) -> String {
        guard let text = try optionalText(key) else { throw problem(key, "missing") }
        return text
    }

    public mutating func optionalNumber(_ key: String, in range: ClosedRange<Float>) throws(BundleError) -> Float? {
        guard let text = try optionalText(key) else { return nil }
        guard let number = Float(text), range.contains(number) else {
            throw problem(key, "‘\(text)’ is no number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    public mutating func number(_ key: String, in range: ClosedRange<Float>) throws(BundleError) -> Float {
        guard let number = try optionalNumber(key, in: range) else { throw problem(key, "missing") }
        return number
    }

    public mutating func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(BundleError) -> Int? {
        guard let text = try optionalText(key) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw problem(key, "‘\(text)’ is no whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    public mutating func optionalChoice<Choice: RawRepresentable<String> & CaseIterable>(_ key: String) throws(BundleError) -> Choice? {
        guard let text = try optionalText(key) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            throw problem(key, "‘\(text)’ is not one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }

    public mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(_ key: String, default: Choice) throws(BundleError) -> Choice {
        try optionalChoice(key) ?? `default`
    }

    public mutating func optionalSection(_ key: String) throws(BundleError) -> YAMLSection? {
        guard let node = take(key) else { return nil }
        return try YAMLSection(node, file: file, path: Self.join(path, key))
    }

    /// A mapping all of whose keys may be left out, and it as well.
    public mutating func sectionOrEmpty(_ key: String) throws(BundleError) -> YAMLSection {
        if let section = try optionalSection(key) { return section }
        return try YAMLSection(Yams.Node([(Yams.Node, Yams.Node)]()), file: file, path: Self.join(path, key))
    }

    public mutating func section(_ key: String) throws(BundleError) -> YAMLSection {
        guard let section = try optionalSection(key) else { throw problem(key, "missing") }
        return section
    }

    /// Elements of a list of mappings; a mapping alone is a list of one; none where the key is not there.
    public mutating func sections(_ key: String) throws(BundleError) -> [YAMLSection] {
        guard let node = take(key) else { return [] }
        guard case .sequence(let sequence) = node else { return [try YAMLSection(node, file: file, path: Self.join(path, key))] }
        var sections: [YAMLSection] = []
        for (index, element) in sequence.enumerated() { sections.append(try YAMLSection(element, file: file, path: Self.join(path, "\(key).\(index)"))) }
        return sections
    }

    /// Elements of a list of texts; a text alone is a list of one; none where the key is not there.
    public mutating func texts(_ key: String) throws(BundleError) -> [String] {
        guard let node = take(key) else { return [] }
        var texts: [String] = []
        for element in node.sequence.map(Array.init) ?? [node] {
            guard case .scalar(let scalar) = element else { throw problem(key, "expected text, or a list of texts") }
            texts.append(scalar.string)
        }
        return texts
    }

    /// Whether a key holds a mapping.
    public func isSection(_ key: String) -> Bool { values.first { $0.key == key }?.node.mapping != nil }

    public mutating func optionalFlag(_ key: String) throws(BundleError) -> Bool? {
        guard let text = try optionalText(key) else { return nil }
        switch text {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default: throw problem(key, "‘\(text)’ is neither true nor false")
        }
    }

    /// A number in double precision.
    public mutating func optionalReal(_ key: String, in range: ClosedRange<Double>) throws(BundleError) -> Double? {
        guard let text = try optionalText(key) else { return nil }
        guard let number = Double(text), range.contains(number) else {
            throw problem(key, "‘\(text)’ is no number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A value that reads itself, from whatever YAML it is written in.
    public mutating func optionalValue<Value: Decodable>(_ key: String, as type: Value.Type = Value.self) throws(BundleError) -> Value? {
        guard let node = take(key) else { return nil }
        do { return try YAMLDecoder().decode(type, from: node) } catch {
            switch error {
            case DecodingError.dataCorrupted(let context), DecodingError.typeMismatch(_, let context), DecodingError.keyNotFound(_, let context), DecodingError.valueNotFound(_, let context):
                let place = context.codingPath.map(\.stringValue).joined(separator: ".")
                throw problem(key, (place.isEmpty ? "" : place + ": ") + context.debugDescription)
            default: throw problem(key, "\(error)")
            }
        }
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
                var inner = try YAMLSection(node, file: file, path: Self.join(path, key))
                for (innerKey, value) in try inner.remainingScalars() { result["\(key).\(innerKey)"] = value }
            case .alias: throw problem(key, "aliases are not supported; write the value out")
            }
        }
        return result
    }

    /// The first `*name` for which there is an `&name`. An alias repeats its anchor's content, so that a small file could unfold
    /// to gigabytes while it is still being parsed; what only looks like an alias in running text has no anchor.
    private static func firstAlias(_ yaml: String) -> (line: Int, name: String)? {
        var anchors: Set<String> = []
        var aliases: [(line: Int, name: String)] = []
        var line = 1
        var marker: UInt8?
        var name: [UInt8] = []
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

    private static func isAnchorByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
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
