import Foundation

/// Reads the list of `--layout manifest`: CSV (RFC 4180) with a first line that names its columns.
enum ClipManifest {
    private static let known = ["file", "identity", "start", "end", "session", "face"]

    static func items(path: String) throws(DatasetError) -> [SourceItem] {
        let text: String
        do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
            throw DatasetError(.noInput, "\(path): this manifest cannot be read: \(error.localizedDescription); expected \(SourceLayout.manifest.expectation)")
        }
        let folder = (path as NSString).deletingLastPathComponent
        let rows = try records(text, path)
        guard let header = rows.first?.fields else { return [] }
        for name in header where !known.contains(name) {
            throw DatasetError(.badData, "\(path):1: unknown column '\(name)', expected \(known.joined(separator: ", "))")
        }
        guard Set(header).count == header.count else { throw DatasetError(.badData, "\(path):1: a column is named twice") }
        for name in ["file", "identity"] where !header.contains(name) {
            throw DatasetError(.badData, "\(path):1: no column '\(name)'; the first line names the columns: \(known.joined(separator: ","))")
        }
        var items: [SourceItem] = []
        for (line, fields) in rows.dropFirst() {
            guard fields.count == header.count else {
                throw DatasetError(.badData, "\(path):\(line): \(fields.count) fields, expected \(header.count) as in the first line")
            }
            var values: [String: String] = [:]
            for (name, field) in zip(header, fields) where !field.isEmpty { values[name] = field }
            guard let file = values["file"], let identity = values["identity"] else {
                throw DatasetError(.badData, "\(path):\(line): file and identity must not be empty")
            }
            func seconds(_ name: String) throws(DatasetError) -> Double? {
                guard let text = values[name] else { return nil }
                guard let number = Double(text), number >= 0, number.isFinite else {
                    throw DatasetError(.badData, "\(path):\(line): \(name) is '\(text)', expected seconds")
                }
                return number
            }
            let (start, end) = (try seconds("start"), try seconds("end"))
            if let end, end <= start ?? 0 { throw DatasetError(.badData, "\(path):\(line): end \(end) is not after start \(start ?? 0)") }
            var subject: SubjectChoice?
            if let text = values["face"] {
                subject = SubjectChoice(text)
                guard subject != nil else {
                    throw DatasetError(.badData, "\(path):\(line): face is '\(text)', expected only, largest, middle, speaking or a track number")
                }
            }
            items.append(
                SourceItem(
                    path: file.hasPrefix("/") ? file : (folder as NSString).appendingPathComponent(file), name: file, identity: identity,
                    session: values["session"] ?? file, start: start, end: end, subject: subject))
        }
        var lines = Set<String>()
        for item in items where !lines.insert(item.key).inserted {
            throw DatasetError(.badData, "\(path): '\(item.key)' is named twice")
        }
        return items
    }

    private static func records(_ text: String, _ path: String) throws(DatasetError) -> [(line: Int, fields: [String])] {
        var rows: [(line: Int, fields: [String])] = []
        var fields: [String] = []
        var field = ""
        var isQuoted = false
        var wasQuoted = false
        var line = 1
        var start = 1
        var characters = text.makeIterator()
        var waiting: Character?
        func next() -> Character? {
            defer { waiting = nil }
            return waiting ?? characters.next()
        }
        func endField() {
            fields.append(wasQuoted ? field : field.trimmingCharacters(in: .whitespaces))
            field = ""
            wasQuoted = false
        }
        func endRow() {
            endField()
            if fields != [""] { rows.append((start, fields)) }
            fields = []
        }
        while let character = next() {
            if character.isNewline { line += 1 }
            if isQuoted {
                if character != "\"" {
                    field.append(character)
                } else if let following = characters.next() {
                    if following == "\"" { field.append("\"") } else { (isQuoted, waiting) = (false, following) }
                } else {
                    isQuoted = false
                }
            } else if character == "\"" && field.allSatisfy(\.isWhitespace) {
                (isQuoted, wasQuoted, field) = (true, true, "")
            } else if character == "," {
                endField()
            } else if character.isNewline {
                endRow()
                start = line
            } else {
                field.append(character)
            }
        }
        guard !isQuoted else { throw DatasetError(.badData, "\(path):\(start): a quotation mark is not closed") }
        if !field.isEmpty || !fields.isEmpty { endRow() }
        return rows
    }
}
