public import Foundation

/// Rows of comma-separated text with the line that each begins on (RFC 4180): quotes around fields that hold commas, quotes (doubled) or
/// line breaks; LF or CR LF; a byte order mark is skipped. Empty lines are left out.
public struct CSVRecords: Sendable, Equatable {
    public struct Record: Sendable, Equatable {
        public var fields: [String]
        /// From one, of the record's first line.
        public var line: Int
    }

    public let records: [Record]

    /// - Parameter name: what errors call the text.
    public init(text: String, name: String) throws(EvaluationError) {
        // One record at a time over UTF-8: all that separates fields is ASCII.
        let bytes = Array(text.utf8)
        let comma = UInt8(ascii: ","), quote = UInt8(ascii: "\""), lf = UInt8(ascii: "\n"), cr = UInt8(ascii: "\r")
        var records: [Record] = [], fields: [String] = [], field: [UInt8] = []
        var index = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var line = 1, start = 1, isQuoted = false, wasQuoted = false
        func endField() {
            fields.append(String(decoding: field, as: UTF8.self))
            field.removeAll(keepingCapacity: true)
            wasQuoted = false
        }
        func endRecord() {
            let isEmpty = fields.isEmpty && field.isEmpty && !wasQuoted
            if !isEmpty {
                endField()
                records.append(Record(fields: fields, line: start))
            }
            fields.removeAll(keepingCapacity: true)
        }
        while index < bytes.count {
            let byte = bytes[index]
            let next = index + 1 < bytes.count ? bytes[index + 1] : nil
            if isQuoted {
                if byte == quote, next == quote {
                    field.append(quote)
                    index += 1
                } else if byte == quote {
                    isQuoted = false
                } else {
                    if byte == lf { line += 1 }
                    field.append(byte)
                }
            } else if byte == quote {
                guard field.isEmpty, !wasQuoted else {
                    throw EvaluationError.line(name, line, "a quote within a field that does not begin with one; write \"…\" around the whole field and \"\" for a quote in it")
                }
                isQuoted = true
                wasQuoted = true
            } else if byte == comma {
                endField()
            } else if byte == lf || (byte == cr && next == lf) {
                if byte == cr { index += 1 }
                endRecord()
                line += 1
                start = line
            } else {
                guard !wasQuoted else { throw EvaluationError.line(name, line, "text after a closing quote; expected a comma or the end of the line") }
                field.append(byte)
            }
            index += 1
        }
        guard !isQuoted else { throw EvaluationError.line(name, start, "a quote that is opened here is never closed") }
        endRecord()
        self.records = records
    }

    public init(contentsOf url: URL) throws(EvaluationError) {
        let data: Data
        do { data = try Data(contentsOf: url) } catch { throw EvaluationError(.unreadable, "\(url.path): cannot be read: \(error.localizedDescription)") }
        guard let text = String(data: data, encoding: .utf8) else { throw EvaluationError(.badData, "\(url.path): not UTF-8 text") }
        try self.init(text: text, name: url.path)
    }

    /// A field as it is written: in quotes where it needs them.
    public static func field(_ text: String) -> String {
        text.utf8.contains { [UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: "\r")].contains($0) }
            ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
}
