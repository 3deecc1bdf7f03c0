/// The hierarchy of a spanning tree with only those splits that leave enough samples on both sides, and the clusters chosen from it
/// (see ``HDBSCAN`` for the definitions).
struct CondensedTree {
    /// A sample or a cluster that leaves its parent cluster.
    private struct Departure {
        var parent: Int
        /// Below the number of samples: a sample; from there on: a cluster.
        var child: Int
        var lambda: Double
        var size: Int
    }

    private let count: Int
    private let departures: [Departure]
    private let clusterCount: Int

    /// - Parameter edges: of the spanning tree, ascending.
    init(_ edges: [SpanningTree.Edge], count: Int, minimumClusterSize: Int) {
        self.count = count
        let greatest = edges.last.map { Double($0.distance) } ?? 1
        let floor = greatest > 0 ? greatest * 1e-12 : 1

        // Single linkage: node count + i joins the nodes `parts[i]` at one distance. Edges of equal distance join together, so that the
        // hierarchy is that of the distances and not of the order in which a spanning tree happened to meet them.
        var parts: [[Int]] = [], lambda: [Double] = [], sets = DisjointSets(count: count)
        var node = Array(0..<count), index = 0
        while index < edges.count {
            let distance = edges[index].distance, group = parts.count
            while index < edges.count, edges[index].distance == distance {
                let a = sets.root(of: edges[index].a), b = sets.root(of: edges[index].b)
                var joined: [Int] = []
                for side in [node[a], node[b]] {
                    guard side - count >= group else {
                        joined.append(side)
                        continue
                    }
                    var others: [Int] = []
                    swap(&others, &parts[side - count])
                    if others.count > joined.count { swap(&others, &joined) }
                    joined += others
                }
                node[sets.join(a, b)] = count + parts.count
                parts.append(joined)
                lambda.append(1 / max(Double(distance), floor))
                index += 1
            }
        }
        var size = [Int](repeating: 1, count: count + parts.count)
        for (index, joined) in parts.enumerated() { size[count + index] = joined.reduce(0) { $0 + size[$1] } }

        func samples(below root: Int) -> [Int] {
            var samples: [Int] = [], stack = [root]
            while let top = stack.popLast() {
                if top < count { samples.append(top) } else { stack += parts[top - count] }
            }
            return samples
        }
        var departures: [Departure] = []
        var next = count + 1
        // Nodes of the hierarchy that are a cluster or what remains of it. The root is cluster number `count`.
        var queue = [(node: count + parts.count - 1, cluster: count)]
        var head = 0
        while head < queue.count {
            let (top, cluster) = queue[head]
            head += 1
            guard top >= count else { continue }
            let sides = parts[top - count]
            let isSplit = sides.count { size[$0] >= minimumClusterSize } >= 2
            for side in sides {
                if size[side] < minimumClusterSize {
                    for sample in samples(below: side) { departures.append(Departure(parent: cluster, child: sample, lambda: lambda[top - count], size: 1)) }
                } else if isSplit {
                    departures.append(Departure(parent: cluster, child: next, lambda: lambda[top - count], size: size[side]))
                    queue.append((side, next))
                    next += 1
                } else {
                    queue.append((side, cluster))
                }
            }
        }
        self.departures = departures
        clusterCount = next - count
    }

    /// The cluster of each sample, from zero in the order of birth, or ``Clustering/noise``.
    func labels() -> [Int] {
        var birth = [Double](repeating: 0, count: clusterCount), stability = birth, parent = [Int](repeating: -1, count: clusterCount)
        for departure in departures where departure.child >= count {
            birth[departure.child - count] = departure.lambda
            parent[departure.child - count] = departure.parent - count
        }
        for departure in departures {
            let cluster = departure.parent - count
            stability[cluster] += (departure.lambda - birth[cluster]) * Double(departure.size)
        }
        // Children have higher numbers than their parents.
        var isChosen = [Bool](repeating: true, count: clusterCount), below = [Double](repeating: 0, count: clusterCount)
        for cluster in stride(from: clusterCount - 1, through: 1, by: -1) {
            if stability[cluster] < below[cluster] {
                isChosen[cluster] = false
                stability[cluster] = below[cluster]
            }
            below[parent[cluster]] += stability[cluster]
        }
        // From the root down: the first chosen cluster on each way takes everything below it.
        var owner = [Int](repeating: Clustering.noise, count: clusterCount), labelCount = 0
        for cluster in 1..<max(clusterCount, 1) {
            let inherited = owner[parent[cluster]]
            if inherited != Clustering.noise {
                owner[cluster] = inherited
            } else if isChosen[cluster] {
                owner[cluster] = labelCount
                labelCount += 1
            }
        }
        var labels = [Int](repeating: Clustering.noise, count: count)
        for departure in departures where departure.child < count { labels[departure.child] = owner[departure.parent - count] }
        return labels
    }
}

/// Sets that are joined again and again (Tarjan): root with path halving, union by size.
private struct DisjointSets {
    private var parent: [Int]
    private var size: [Int]

    init(count: Int) {
        parent = Array(0..<count)
        size = [Int](repeating: 1, count: count)
    }

    mutating func root(of element: Int) -> Int {
        var element = element
        while parent[element] != element {
            parent[element] = parent[parent[element]]
            element = parent[element]
        }
        return element
    }

    /// - Returns: the root of the joined set.
    mutating func join(_ a: Int, _ b: Int) -> Int {
        let (large, small) = size[a] >= size[b] ? (a, b) : (b, a)
        parent[small] = large
        size[large] += size[small]
        return large
    }
}
