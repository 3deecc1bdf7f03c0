import Foundation

/// What a value of the configuration must look like: how it is read, written, described to a person and to an editor. The forms
/// are combined, so that a list of whole numbers says what is expected of its elements by itself.
public struct ValueForm<Value: Hashable & Sendable>: Sendable {
    /// Completes “expected …”.
    var expected: String
    /// Fragment of JSON Schema (draft 2020-12).
    var schema: JSONTree
    var read: @Sendable (GivenValue) throws(Misfit) -> Value
    var write: @Sendable (Value) -> JSONTree
}

/// A value that is not what its form expects.
struct Misfit: Error {
    var origin: ConfigurationOrigin
    var got: String
    var expected: String

    init(_ given: GivenValue, expected: String) {
        origin = given.origin
        got = given.shown
        self.expected = expected
    }
}

extension ValueForm {
    /// A form that reads the text of a scalar.
    /// - Parameter isText: whether the text may be quoted; a quoted number is text and no number.
    private init(
        _ expected: String, schema: JSONTree, isText: Bool = true, write: @escaping @Sendable (Value) -> JSONTree,
        readText: @escaping @Sendable (String) -> Value?
    ) {
        self.expected = expected
        self.schema = schema
        self.write = write
        read = { given throws(Misfit) in
            guard let value = (isText ? given.text : given.plainText).flatMap(readText) else { throw Misfit(given, expected: expected) }
            return value
        }
    }
}

extension ValueForm<Bool> {
    static var flag: Self {
        Self("true or false", schema: .object(["type": .text("boolean")]), isText: false, write: { .flag($0) }) { text in
            switch text.lowercased() {
            case "true", "yes", "on": true
            case "false", "no", "off": false
            default: nil
            }
        }
    }
}

extension ValueForm<Int> {
    static func whole(_ range: ClosedRange<Int>, unit: String? = nil) -> Self {
        Self(
            "a whole number from \(range.lowerBound) to \(range.upperBound)" + (unit.map { " (\($0))" } ?? ""),
            schema: .object(["type": .text("integer"), "minimum": .whole(range.lowerBound), "maximum": .whole(range.upperBound)]),
            isText: false, write: { .whole($0) }
        ) { text in Int(text).flatMap { range.contains($0) ? $0 : nil } }
    }
}

extension ValueForm<Double> {
    static func number(_ range: ClosedRange<Double>, unit: String? = nil) -> Self {
        Self(
            "a number from \(JSONTree.shortest(range.lowerBound)) to \(JSONTree.shortest(range.upperBound))" + (unit.map { " (\($0))" } ?? ""),
            schema: .object(["type": .text("number"), "minimum": .number(range.lowerBound), "maximum": .number(range.upperBound)]),
            isText: false, write: { .number($0) }
        ) { text in Double(text).flatMap { range.contains($0) ? $0 : nil } }
    }
}

extension ValueForm<Duration> {
    static func duration(_ range: ClosedRange<Duration>) -> Self {
        let example = [Duration.seconds(2), .milliseconds(20), .seconds(30)].first { range.contains($0) } ?? range.lowerBound
        return Self(
            "a duration with its unit, such as \(example.configurationText), from \(range.lowerBound.configurationText) to "
                + range.upperBound.configurationText,
            schema: .object(["type": .text("string"), "pattern": .text(Duration.textPattern)]), write: { .text($0.configurationText) }
        ) { text in Duration(configurationText: text).flatMap { range.contains($0) ? $0 : nil } }
    }
}

extension ValueForm<PictureSize> {
    static func size(_ range: ClosedRange<Int>) -> Self {
        Self(
            "width×height in pixels, each from \(range.lowerBound) to \(range.upperBound), such as 1280x720",
            schema: .object(["type": .text("string"), "pattern": .text("^[0-9]{2,5}x[0-9]{2,5}$")]), write: { .text("\($0)") }
        ) { text in
            let parts = text.split(separator: "x", omittingEmptySubsequences: false)
            guard parts.count == 2, let width = Int(parts[0]), let height = Int(parts[1]), range.contains(width), range.contains(height)
            else { return nil }
            return PictureSize(width: width, height: height)
        }
    }
}

extension ValueForm<ListenAddress> {
    static var listenAddress: Self {
        Self(
            "address:port, such as 127.0.0.1:9641 or [::1]:9641",
            schema: .object(["type": .text("string"), "pattern": .text(#"^(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+):[0-9]{1,5}$"#)]),
            write: { .text("\($0)") }
        ) { ListenAddress($0) }
    }
}

extension ValueForm<String> {
    /// - Parameters:
    ///   - pattern: a regular expression that matches the whole text, in the common subset of ECMA 262 and ICU.
    static func text(_ expected: String, pattern: String = #"^[^\x00-\x1F]{1,512}$"#) -> Self {
        Self(expected: expected, schema: .object(["type": .text("string"), "pattern": .text(pattern)])) { given throws(Misfit) in
            // Quoted or not: `node: 5` names the node “5”.
            guard let text = given.text, text.range(of: pattern, options: .regularExpression) == text.startIndex..<text.endIndex else {
                throw Misfit(given, expected: expected)
            }
            return text
        } write: { .text($0) }
    }

    /// A file or folder. One that is relative counts from the folder of the file that names it, from the working directory on the command line.
    static func path(_ what: String) -> Self {
        let form = text("the path of \(what)")
        return Self(expected: form.expected, schema: form.schema) { given throws(Misfit) in
            let path = try form.read(given)
            guard !path.hasPrefix("/"), let folder = given.origin.folder else { return path }
            return folder.appending(path: path).standardizedFileURL.path
        } write: { .text($0) }
    }
}

extension ValueForm where Value: RawRepresentable<String> & CaseIterable {
    static var choice: Self {
        let names = Value.allCases.map(\.rawValue)
        return Self(
            "one of \(names.joined(separator: ", "))", schema: .object(["enum": .list(names.map { .text($0) })]), write: { .text($0.rawValue) }
        ) { Value(rawValue: $0.lowercased()) }
    }
}

extension ValueForm {
    static func list<Element>(of form: ValueForm<Element>, _ count: ClosedRange<Int>) -> Self where Value == [Element] {
        Self(
            expected: "a list such as [a, b], each \(form.expected), \(count.lowerBound) to \(count.upperBound) of them",
            schema: .object([
                "type": .text("array"), "items": form.schema, "minItems": .whole(count.lowerBound), "maxItems": .whole(count.upperBound),
                "uniqueItems": .flag(true),
            ])
        ) { given throws(Misfit) in
            let expected = "a list such as [a, b], each \(form.expected), \(count.lowerBound) to \(count.upperBound) of them, none twice"
            guard case .list(let elements) = given.content, count.contains(elements.count) else { throw Misfit(given, expected: expected) }
            var values: [Element] = []
            for element in elements {
                let value = try form.read(element)
                guard !values.contains(value) else { throw Misfit(element, expected: expected) }
                values.append(value)
            }
            return values
        } write: { .list($0.map(form.write)) }
    }

    /// `auto`, which is `nil` in the resolved configuration, or a value.
    static func automatic<Wrapped>(_ form: ValueForm<Wrapped>) -> Self where Value == Wrapped? {
        let expected = "auto or \(form.expected)"
        return Self(expected: expected, schema: .object(["anyOf": .list([.object(["const": .text("auto")]), form.schema])])) {
            given throws(Misfit) in
            if given.text == "auto" { return nil }
            do throws(Misfit) { return try form.read(given) } catch {
                // An element of a list says more than the list would.
                throw error.got == given.shown ? Misfit(given, expected: expected) : error
            }
        } write: { $0.map(form.write) ?? .text("auto") }
    }

    /// A value, or nothing at all (`null`), which takes back what a file before said.
    static func optional<Wrapped>(_ form: ValueForm<Wrapped>) -> Self where Value == Wrapped? {
        Self(expected: form.expected, schema: .object(["anyOf": .list([.object(["type": .text("null")]), form.schema])])) { given throws(Misfit) in
            if case .nothing = given.content { return nil }
            return try form.read(given)
        } write: { $0.map(form.write) ?? .null }
    }
}
