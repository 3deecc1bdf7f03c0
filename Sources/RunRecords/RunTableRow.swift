/// A row as a line of a table whose first columns are the same in every run.
protocol RunTableRow: Sendable, Hashable {
    static var fixedColumns: [String] { get }
    /// What the values of all columns belong to.
    static var subject: String { get }
    var step: Int { get }
    /// In the order of ``fixedColumns``.
    var fixedFields: [String] { get }
    var named: [RunValue] { get }
    /// - Parameter reader: gives the fixed fields in their order.
    init(_ reader: inout RunFieldReader, named: [RunValue]) throws(RunRecordError)
}
