/// Minimum-cost assignment by the Hungarian method with potentials (Kuhn 1955; the O(n²m) shortest-path form).
///
/// Keeps its working memory, so that solving allocates nothing once it has seen its largest problem. Thread-bound.
package struct Assignment {
    private var rowPotential: [Float] = []
    private var columnPotential: [Float] = []
    private var rowOfColumn: [Int] = []
    private var previousColumn: [Int] = []
    private var shortest: [Float] = []
    private var visited: [Bool] = []

    package init() {}

    /// For every row the column assigned to it, or −1.
    package private(set) var columnOfRow: [Int] = []

    /// Solves for `cost`, `[rows, columns]` row-major. A pair whose cost is `limit` or more is never made: leaving a row
    /// unassigned costs `limit`.
    package mutating func solve(rows: Int, columns: Int, cost: [Float], limit: Float) {
        precondition(cost.count >= rows * columns)
        // One private column per row, at cost `limit`, stands for leaving that row unassigned.
        let width = columns + rows
        reset(rows: rows, width: width)
        guard rows > 0 else { return }
        func price(_ row: Int, _ column: Int) -> Float {
            if column < columns { return min(cost[row * columns + column], limit * 2) }
            return column - columns == row ? limit : limit * 2
        }
        for row in 1...rows {
            rowOfColumn[0] = row
            var column = 0
            for index in 0...width {
                shortest[index] = .infinity
                visited[index] = false
            }
            repeat {
                visited[column] = true
                let current = rowOfColumn[column]
                var delta = Float.infinity
                var next = 0
                for candidate in 1...width where !visited[candidate] {
                    let reduced = price(current - 1, candidate - 1) - rowPotential[current] - columnPotential[candidate]
                    if reduced < shortest[candidate] {
                        shortest[candidate] = reduced
                        previousColumn[candidate] = column
                    }
                    if shortest[candidate] < delta {
                        delta = shortest[candidate]
                        next = candidate
                    }
                }
                for index in 0...width {
                    if visited[index] {
                        rowPotential[rowOfColumn[index]] += delta
                        columnPotential[index] -= delta
                    } else {
                        shortest[index] -= delta
                    }
                }
                column = next
            } while rowOfColumn[column] != 0
            repeat {
                let previous = previousColumn[column]
                rowOfColumn[column] = rowOfColumn[previous]
                column = previous
            } while column != 0
        }
        for column in 1...width where rowOfColumn[column] > 0 && column <= columns {
            let row = rowOfColumn[column] - 1
            if cost[row * columns + column - 1] < limit { columnOfRow[row] = column - 1 }
        }
    }

    private mutating func reset(rows: Int, width: Int) {
        func refill<T>(_ array: inout [T], _ value: T, _ count: Int) {
            array.removeAll(keepingCapacity: true)
            array.append(contentsOf: repeatElement(value, count: count))
        }
        refill(&rowPotential, 0, rows + 1)
        refill(&columnPotential, 0, width + 1)
        refill(&rowOfColumn, 0, width + 1)
        refill(&previousColumn, 0, width + 1)
        refill(&shortest, .infinity, width + 1)
        refill(&visited, false, width + 1)
        refill(&columnOfRow, -1, rows)
    }
}
