/// How far sound and lips are apart: where what is read from the sound correlates best with what is seen.
public struct LipLag: Sendable, Hashable {
    /// Pictures; positive: the sound is late.
    public var pictures: Int
    /// Pearson's, at that lag, −1…1.
    public var correlation: Float

    public init(pictures: Int, correlation: Float) {
        self.pictures = pictures
        self.correlation = correlation
    }

    /// - Parameters:
    ///   - heard: opening of the mouth as ``MouthModel/read(_:at:)`` says it is, a number for each picture.
    ///   - seen: opening of the mouth in the pictures.
    ///   - most: largest lag that is looked at, pictures.
    /// - Returns: nil where fewer than 25 pictures are left at the largest lag, or where either never changes.
    public static func find(heard: [Float], seen: [Float], most: Int = 12) -> LipLag? {
        let count = min(heard.count, seen.count)
        guard most >= 0, count - most >= 25 else { return nil }
        var best: LipLag?
        for lag in -most...most {
            // heard[i + lag] belongs to seen[i].
            let range = max(0, -lag)..<min(count, count - lag)
            guard let correlation = correlation(heard[(range.lowerBound + lag)..<(range.upperBound + lag)], seen[range]) else { return nil }
            if correlation > best?.correlation ?? -2 { best = LipLag(pictures: lag, correlation: correlation) }
        }
        return best
    }

    /// Pearson's correlation; nil where either never changes.
    public static func correlation(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Float? {
        let n = Double(min(a.count, b.count))
        var (sa, sb, saa, sbb, sab) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for (x, y) in zip(a, b) {
            let (x, y) = (Double(x), Double(y))
            sa += x
            sb += y
            saa += x * x
            sbb += y * y
            sab += x * y
        }
        let (va, vb) = (saa - sa * sa / n, sbb - sb * sb / n)
        guard n > 1, va > 1e-12 * n, vb > 1e-12 * n else { return nil }
        return Float((sab - sa * sb / n) / (va * vb).squareRoot())
    }
}
