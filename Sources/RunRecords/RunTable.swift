import Evaluation
import Foundation

/// A table of rows as text.
struct RunTable<Row: RunTableRow> {
    /// Of the columns after the fixed ones.
    let names: [String]
    let rows: [Row]

    static func header(_ names: [String]) -> String { (Row.fixedColumns + names).map(CSVRecords.field).joined(separator: ",") + "\n" }
    static func line(_ row: Row) -> String { (row.fixedFields + row.named.map { RunFieldReader.text($0.value) }).joined(separator: ",") + "\n" }

    /// Reads a table; a last line that does not end is one that is being written, and left out.
    /// - Returns: `nil` where the file is not there or has no whole line.
    init?(path: String) throws(RunRecordError) {
        guard let data = try RecordFile.contents(path) else { return nil }
        guard let end = data.lastIndex(of: UInt8(ascii: "\n")) else { return nil }
        guard let text = String(data: data[...end], encoding: .utf8) else { throw RunRecordError(.badData, "\(path): not UTF-8 text; the file is damaged") }
        let records: [CSVRecords.Record]
        do { records = try CSVRecords(text: text, name: path).records } catch { throw RunRecordError(.badData, error.description) }
        let fixed = Row.fixedColumns
        guard let header = records.first?.fields, header.starts(with: fixed) else {
            throw RunRecordError(.badData, "\(path):1: got the columns \(records.first?.fields.joined(separator: ",") ?? "none"), expected \(fixed.joined(separator: ",")) first")
        }
        names = Array(header.dropFirst(fixed.count))
        var rows: [Row] = []
        rows.reserveCapacity(records.count - 1)
        for record in records.dropFirst() {
            guard record.fields.count == header.count else {
                throw RunRecordError(.badData, "\(path):\(record.line): got \(record.fields.count) fields, expected \(header.count) as in the first line")
            }
            var reader = RunFieldReader(path: path, line: record.line, columns: header, fields: record.fields)
            var rest = RunFieldReader(
                path: path, line: record.line, columns: names, fields: Array(record.fields.dropFirst(fixed.count)))
            var named: [RunValue] = []
            for name in names { named.append(RunValue(name, try rest.numberIfAny())) }
            rows.append(try Row(&reader, named: named))
        }
        self.rows = rows
    }
}
