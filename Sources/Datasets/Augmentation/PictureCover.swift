import Glibc

/// Something in front of a face: a hand, a microphone, a mask.
public struct PictureCover: Codable, Hashable, Sendable {
    public enum Fill: String, Codable, Hashable, Sendable, CaseIterable {
        /// Every level equally likely.
        case noise
        /// One colour, not far from grey.
        case flat
        /// The picture's mean colour.
        case mean

        /// Things have a colour more often than not.
        static func drawn(_ random: inout SeededGenerator) -> Fill { [.noise, .flat, .flat, .mean][random.index(below: 4)] }
    }

    /// Left, top, width and height in parts of the picture's sides. What lies outside is cut off.
    public var left: Float
    public var top: Float
    public var width: Float
    public var height: Float
    public var fill: Fill
    /// Of the noise or the colour; the same in all pictures of a film.
    public var seed: UInt64

    public init(left: Float, top: Float, width: Float, height: Float, fill: Fill, seed: UInt64) {
        self.left = left
        self.top = top
        self.width = width
        self.height = height
        self.fill = fill
        self.seed = seed
    }

    /// Anywhere, its sides as 1 : 2 at most.
    static func rectangle(area: Float, _ random: inout SeededGenerator) -> PictureCover {
        let aspect = exp2(random.uniform(-0.5...0.5))
        let (width, height) = (min(1, area.squareRoot() * aspect), min(1, area.squareRoot() / aspect))
        return PictureCover(
            left: random.fraction() * (1 - width), top: random.fraction() * (1 - height), width: width, height: height,
            fill: .drawn(&random), seed: random.next())
    }

    /// From the bottom up, as wide as a face.
    static func lowerPart(_ part: Float, _ random: inout SeededGenerator) -> PictureCover {
        let side = random.uniform(0...0.12)
        return PictureCover(left: side, top: 1 - part, width: 1 - 2 * side, height: part, fill: .drawn(&random), seed: random.next())
    }

    func apply(to crop: inout [UInt8], channels: Int, width pixelsAcross: Int, height pixelsDown: Int) {
        func edge(_ part: Float, _ side: Int) -> Int { Int((max(0, min(1, part)) * Float(side)).rounded()) }
        let columns = edge(left, pixelsAcross)..<max(edge(left, pixelsAcross), edge(left + width, pixelsAcross))
        let rows = edge(top, pixelsDown)..<max(edge(top, pixelsDown), edge(top + height, pixelsDown))
        let pixels = pixelsAcross * pixelsDown
        var random = SeededGenerator(seed: seed)
        let grey = random.uniform(0...255)
        unsafe crop.withUnsafeMutableBufferPointer { levels in
            for channel in 0..<channels {
                let plane = channel * pixels
                var level = UInt8(max(0, min(255, grey + random.uniform(-30...30))))
                if fill == .mean {
                    var sum = 0
                    for i in plane..<plane + pixels { unsafe sum += Int(levels[i]) }
                    level = UInt8(sum / pixels)
                }
                for y in rows {
                    for x in columns {
                        unsafe levels[plane + y * pixelsAcross + x] = fill == .noise ? UInt8(truncatingIfNeeded: random.next() >> 56) : level
                    }
                }
            }
        }
    }
}
