#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The minimum spanning tree of mutual reachability (see ``HDBSCAN``), by Prim's algorithm on distances that are computed as they are needed.
struct SpanningTree {
    struct Edge: Equatable, Sendable {
        var a: Int
        var b: Int
        var distance: Float
    }

    /// Ascending by distance, n − 1 of them.
    let edges: [Edge]

    /// Rows that one core computes at a time.
    private static let slice = 512

    /// - Parameter points: at least two; of unit length where the metric is the cosine.
    init(_ points: EmbeddingMatrix, metric: HDBSCAN.Metric, minimumSamples: Int) {
        let norms = points.squaredNorms()
        @Sendable func distance(_ a: Int, _ b: Int, _ product: Float) -> Float {
            switch metric {
            case .cosine: max(0, 1 - product)
            case .euclidean: max(0, norms[a] + norms[b] - 2 * product).squareRoot()
            }
        }
        let count = points.count
        let neighbour = min(minimumSamples, count - 1)
        let core = points.mapProducts(with: points) { row, products in
            // The k smallest distances, the largest of them on top of a heap.
            var nearest = LargestOnTop(capacity: neighbour)
            for other in 0..<products.count where other != row { nearest.insert(distance(row, other, products[other])) }
            return nearest.top
        }

        var best = [Float](repeating: .infinity, count: count), parent = [Int](repeating: 0, count: count)
        var outside = Array(1..<count)
        var edges: [Edge] = []
        edges.reserveCapacity(count - 1)
        var current = 0
        while !outside.isEmpty {
            let slices = (outside.count + Self.slice - 1) / Self.slice
            let open = outside, from = current
            let reached = concurrentMap(slices) { slice -> [Float] in
                (slice * Self.slice..<min(open.count, (slice + 1) * Self.slice)).map { position in
                    let other = open[position]
                    return max(core[from], core[other], distance(from, other, points.product(from, other)))
                }
            }
            var nearest = 0
            for position in outside.indices {
                let other = outside[position]
                let distance = reached[position / Self.slice][position % Self.slice]
                if distance < best[other] { (best[other], parent[other]) = (distance, from) }
                let leader = outside[nearest]
                if best[other] < best[leader] || (best[other] == best[leader] && other < leader) { nearest = position }
            }
            current = outside[nearest]
            edges.append(Edge(a: parent[current], b: current, distance: best[current]))
            outside.swapAt(nearest, outside.count - 1)
            outside.removeLast()
        }
        self.edges = edges.enumerated().sorted { ($0.element.distance, $0.offset) < ($1.element.distance, $1.offset) }.map(\.element)
    }
}

/// The smallest of many values, the largest of these at hand.
private struct LargestOnTop {
    private var heap: [Float] = []
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        heap.reserveCapacity(capacity)
    }

    var top: Float { heap.first ?? 0 }

    mutating func insert(_ value: Float) {
        if heap.count < capacity {
            heap.append(value)
            var child = heap.count - 1
            while child > 0, heap[(child - 1) / 2] < heap[child] {
                heap.swapAt(child, (child - 1) / 2)
                child = (child - 1) / 2
            }
        } else if value < heap[0] {
            heap[0] = value
            var node = 0
            while true {
                var largest = node
                for child in [2 * node + 1, 2 * node + 2] where child < heap.count && heap[child] > heap[largest] { largest = child }
                if largest == node { break }
                heap.swapAt(node, largest)
                node = largest
            }
        }
    }
}
