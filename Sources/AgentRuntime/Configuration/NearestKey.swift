/// The known key that was probably meant: at most two slips or a third of its letters away, where a slip is a letter too many, one
/// missing, one wrong, or two exchanged (optimal string alignment).
func nearestKnown(to given: String, among known: [String]) -> String? {
    func distance(_ a: [Character], _ b: [Character]) -> Int {
        var rows = [Array(0...b.count)]
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var least = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { least = min(least, rows[i - 1][j - 1] + 1) }
                row.append(least)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
    func folded(_ text: String) -> [Character] { Array(text.lowercased().prefix(64).map { $0 == "-" ? "_" : $0 }) }
    let letters = folded(given)
    let nearest = known.map { (distance(letters, folded($0)), $0) }.min { $0 < $1 }
    guard let nearest, nearest.0 <= max(nearest.1.count > 3 ? 2 : 1, nearest.1.count / 3) else { return nil }
    return nearest.1
}
