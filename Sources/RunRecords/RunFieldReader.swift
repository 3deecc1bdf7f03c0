/// The fields of a line in their order, as numbers.
struct RunFieldReader {
    let path: String
    let line: Int
    let columns: [String]
    let fields: [String]
    private var next = 0

    init(path: String, line: Int, columns: [String], fields: [String]) {
        self.path = path
        self.line = line
        self.columns = columns
        self.fields = fields
    }

    /// The shortest text that reads as the same number.
    static func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }

    mutating func integer() throws(RunRecordError) -> Int {
        let (column, field) = take()
        guard let value = Int(field) else { throw complaint(column, field, "a whole number") }
        return value
    }

    mutating func number() throws(RunRecordError) -> Double {
        let (column, field) = take()
        guard let value = Double(field) else { throw complaint(column, field, "a number") }
        return value
    }

    /// Absent where the field is empty.
    mutating func numberIfAny() throws(RunRecordError) -> Double? {
        let (column, field) = take()
        guard !field.isEmpty else { return nil }
        guard let value = Double(field) else { throw complaint(column, field, "a number or nothing") }
        return value
    }

    private mutating func take() -> (column: String, field: String) {
        next += 1
        return (columns[next - 1], fields[next - 1])
    }

    private func complaint(_ column: String, _ field: String, _ expected: String) -> RunRecordError {
        RunRecordError(.badData, "\(path):\(line): \(column): got ‘\(field)’, expected \(expected)")
    }
}
