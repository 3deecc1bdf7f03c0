/// The boxes of a truth by time, to find whom a box of the events is.
struct TrueBoxes {
    private static let overlapNeeded = 0.2

    private let truth: ClipTruth
    private let reach: Double

    init(_ truth: ClipTruth) {
        self.truth = truth
        reach = 1 / truth.frameRate
    }

    /// The frame nearest to a time, no more than a frame's time away.
    func index(at time: Double) -> Int? {
        guard !truth.frames.isEmpty else { return nil }
        var low = 0, high = truth.frames.count
        while low < high {
            let middle = (low + high) / 2
            if truth.frames[middle].time < time { low = middle + 1 } else { high = middle }
        }
        let nearest = [low - 1, low].filter(truth.frames.indices.contains).min { abs(truth.frames[$0].time - time) < abs(truth.frames[$1].time - time) }
        return nearest.flatMap { abs(truth.frames[$0].time - time) <= reach ? $0 : nil }
    }

    /// Whose box each of these is, in fractions of the picture; each person is one box's at most, the largest overlap first.
    func match(_ boxes: [[Double]], frame: Int) -> [String?] {
        let faces = truth.frames[frame].faces
        var pairs: [(overlap: Double, box: Int, face: Int)] = []
        for (box, numbers) in boxes.enumerated() {
            let scaled = [numbers[0] * Double(truth.width), numbers[1] * Double(truth.height), numbers[2] * Double(truth.width), numbers[3] * Double(truth.height)]
            for (face, other) in faces.enumerated() {
                let overlap = Self.overlap(scaled, other.box)
                if overlap >= Self.overlapNeeded { pairs.append((overlap, box, face)) }
            }
        }
        var people = [String?](repeating: nil, count: boxes.count), used = Set<Int>()
        for pair in pairs.sorted(by: { ($1.overlap, $0.box, $0.face) < ($0.overlap, $1.box, $1.face) }) where people[pair.box] == nil && !used.contains(pair.face) {
            people[pair.box] = faces[pair.face].person
            used.insert(pair.face)
        }
        return people
    }

    /// Intersection over union of two boxes.
    private static func overlap(_ a: [Double], _ b: [Double]) -> Double {
        let width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]), height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
        guard width > 0, height > 0 else { return 0 }
        let both = width * height
        return both / (a[2] * a[3] + b[2] * b[3] - both)
    }
}
