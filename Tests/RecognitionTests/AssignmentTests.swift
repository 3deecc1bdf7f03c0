import Recognition
import Testing

struct AssignmentTests {
    /// Every way to assign, tried out.
    static func best(rows: Int, columns: Int, cost: [Float], limit: Float) -> Float {
        func search(_ row: Int, _ used: Set<Int>) -> Float {
            guard row < rows else { return 0 }
            var least = limit + search(row + 1, used)
            for column in 0..<columns where !used.contains(column) && cost[row * columns + column] < limit {
                least = min(least, cost[row * columns + column] + search(row + 1, used.union([column])))
            }
            return least
        }
        return search(0, [])
    }

    @Test func equalsExhaustiveSearch() {
        var generator = SplitMix(state: 7)
        var assignment = Assignment()
        var compared = 0
        for rows in 0...5 {
            for columns in 0...5 {
                for _ in 0..<20 {
                    let cost = (0..<rows * columns).map { _ in Float(generator.next() % 1000) / 500 }
                    assignment.solve(rows: rows, columns: columns, cost: cost, limit: 1)
                    var total: Float = 0
                    var used: Set<Int> = []
                    for row in 0..<rows {
                        let column = assignment.columnOfRow[row]
                        if column < 0 {
                            total += 1
                        } else {
                            #expect(used.insert(column).inserted)
                            #expect(cost[row * columns + column] < 1)
                            total += cost[row * columns + column]
                        }
                    }
                    #expect(abs(total - Self.best(rows: rows, columns: columns, cost: cost, limit: 1)) < 1e-4)
                    compared += 1
                }
            }
        }
        #expect(compared == 720)
    }
}

/// Seeded random numbers (Steele et al. 2014).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
