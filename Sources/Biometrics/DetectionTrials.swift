// AP = Σ_k (r_k − r_{k−1}) · max_{j ≥ k} p_j  over answers by falling score: the area under the precision-recall curve made monotonic, at every answer.
//
// An answer is right where it overlaps a face that no better answer has by an intersection over union of at least 0.5. Edge rules: answers on faces that do not count
// (too small, invalid) are left out on both sides; a face that is never found keeps the recall below 1; without faces there is no AP.
// Reference: Everingham et al., "The PASCAL VOC Challenge: A Retrospective", IJCV 2015 (as since 2010); WIDER FACE's own evaluation counts alike.

/// Answers of a detector beside what is there: average precision.
public struct DetectionTrials: Sendable {
    /// Left edge, upper edge, width and height, in any unit.
    public typealias Box = SIMD4<Float>

    private var answers: [(score: Float, isRight: Bool)] = []
    /// Faces that count.
    public private(set) var faceCount = 0

    public init() {}

    /// One picture.
    /// - Parameters:
    ///   - found: boxes with scores, in any order.
    ///   - there: what is there, and whether it counts.
    ///   - least: intersection over union.
    /// - Returns: for each box found, the one of `there` that it is right about; `nil` for a wrong one.
    @discardableResult
    public mutating func add(found: [(box: Box, score: Float)], there: [(box: Box, counts: Bool)], least: Float = 0.5) -> [Int?] {
        faceCount += there.count { $0.counts }
        var taken = Set<Int>(), matches = [Int?](repeating: nil, count: found.count)
        for place in found.indices.sorted(by: { found[$0].score > found[$1].score }) {
            let candidates = there.indices.filter { !taken.contains($0) }.map { (index: $0, overlap: Self.overlap(found[place].box, there[$0].box)) }.filter { $0.overlap >= least }
            // A face that counts goes before one that does not.
            let best = candidates.max { (there[$0.index].counts ? 1 : 0, $0.overlap) < (there[$1.index].counts ? 1 : 0, $1.overlap) }
            guard let best else {
                answers.append((found[place].score, false))
                continue
            }
            matches[place] = best.index
            // Several answers may lie on what does not count.
            guard there[best.index].counts else { continue }
            taken.insert(best.index)
            answers.append((found[place].score, true))
        }
        return matches
    }

    /// 0…1; `nil` without faces.
    public var averagePrecision: Double? {
        guard faceCount > 0 else { return nil }
        var right = 0, points: [(recall: Double, precision: Double)] = []
        for (index, answer) in answers.sorted(by: { $0.score > $1.score }).enumerated() {
            if answer.isRight { right += 1 }
            points.append((Double(right) / Double(faceCount), Double(right) / Double(index + 1)))
        }
        var area = 0.0, best = 0.0, beyond = points.last?.recall ?? 0
        for (index, point) in points.enumerated().reversed() {
            best = max(best, point.precision)
            let before = index > 0 ? points[index - 1].recall : 0
            area += (beyond - before) * best
            beyond = before
        }
        return area
    }

    /// Intersection over union.
    public static func overlap(_ a: Box, _ b: Box) -> Float {
        let width = min(a.x + a.z, b.x + b.z) - max(a.x, b.x), height = min(a.y + a.w, b.y + b.w) - max(a.y, b.y)
        guard width > 0, height > 0 else { return 0 }
        let shared = width * height
        return shared / (a.z * a.w + b.z * b.w - shared)
    }
}
