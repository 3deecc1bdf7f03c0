/// Appends rows to a table's file. Thread-bound.
struct RunTableWriter<Row: RunTableRow>: ~Copyable {
    private let file: RecordFile
    /// Fixed with the first row.
    private var names: [String]?

    /// Goes on with a table, or begins one.
    /// - Parameter step: rows of later steps are removed, and so is half a line; `nil` where the file must not be there.
    init(path: String, after step: Int?) throws(RunRecordError) {
        guard let step else {
            file = try RecordFile(path, .creating)
            return
        }
        if let table = try RunTable<Row>(path: path) {
            let kept = table.rows.filter { $0.step <= step }
            // A table without rows begins anew, with the columns of its next first row.
            let text = kept.isEmpty ? "" : RunTable<Row>.header(table.names) + kept.map(RunTable<Row>.line).joined()
            try RecordFile.replace(path, with: Array(text.utf8))
            names = kept.isEmpty ? nil : table.names
        } else if RecordFile.exists(path) {
            try RecordFile.replace(path, with: [])
        }
        file = try RecordFile(path, .appending)
    }

    mutating func append(_ row: Row) throws(RunRecordError) {
        let given = row.named.map(\.name)
        var text = ""
        if let names {
            guard names == given else {
                throw RunRecordError(
                    .badData, "\(file.path): step \(row.step) has the \(Row.subject)s \(Self.list(given)), expected \(Self.list(names)) as in the first row; a run's columns cannot change")
            }
        } else {
            let all = Row.fixedColumns + given
            if let twice = all.first(where: { name in all.count { $0 == name } > 1 }) {
                throw RunRecordError(.badData, "\(file.path): a \(Row.subject) is called ‘\(twice)’, as another column is; give it another name")
            }
            text = RunTable<Row>.header(given)
        }
        try file.append(Array((text + RunTable<Row>.line(row)).utf8))
        names = given
    }

    func synchronise() throws(RunRecordError) { try file.synchronise() }

    private static func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }
}
