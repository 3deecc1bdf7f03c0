import MediaTypes

/// What is known of one appearance's face: the quality-weighted mean of its embeddings.
///
/// Old pictures fade (``retention`` a picture), so that the mean follows light and pose. Allocates at init only.
struct FaceEvidence {
    static let retention: Float = 0.97

    private var sum: [Float]
    private var weight: Float = 0
    private var qualitySum: Float = 0
    /// Unit length; meaningless while ``count`` is 0.
    private(set) var mean: [Float]
    /// Pictures embedded.
    private(set) var count = 0
    private(set) var last: Instant?
    private(set) var yaw: Float = 0
    private(set) var pixels = 0
    /// Pictures in a row that look like somebody else.
    private(set) var strangers = 0

    init(dimension: Int) {
        sum = [Float](repeating: 0, count: dimension)
        mean = [Float](repeating: 0, count: dimension)
    }

    /// Weighted mean of the pictures' quality, 0…1.
    var quality: Float { weight > 0 ? qualitySum / weight : 0 }

    /// Cosine of a new picture with what is known.
    func agreement(_ embedding: [Float]) -> Float { UnitLength.dot(mean, embedding) }

    mutating func noteStranger() { strangers += 1 }

    mutating func add(_ embedding: [Float], quality: Float, yaw: Float, pixels: Int, at instant: Instant) {
        for index in sum.indices {
            sum[index] = sum[index] * Self.retention + quality * embedding[index]
            mean[index] = sum[index]
        }
        weight = weight * Self.retention + quality
        qualitySum = qualitySum * Self.retention + quality * quality
        UnitLength.normalise(&mean)
        count += 1
        last = instant
        strangers = 0
        self.yaw = yaw
        self.pixels = pixels
    }

    mutating func reset() {
        for index in sum.indices { sum[index] = 0 }
        weight = 0
        qualitySum = 0
        count = 0
        last = nil
        strangers = 0
    }
}
