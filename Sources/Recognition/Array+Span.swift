/// Spans of arrays that a class stores: the accessor of a class's property ends before a span taken from it could be used.
extension Array {
    mutating func withMutableSpan<R>(_ body: (inout MutableSpan<Element>) throws -> R) rethrows -> R {
        var span = mutableSpan
        return try body(&span)
    }

    func withSpan<R, E: Error>(_ body: (Span<Element>) throws(E) -> R) throws(E) -> R { try body(span) }
}
