import MediaTypes

/// Notices that the picture was cut: tracks that continue across a cut may have become other people.
///
/// Compares a coarse luma grid of neighbouring frames; a change of most of it at once is a cut. Thread-bound; allocates at
/// init only.
struct SceneCut {
    static let columns = 16
    static let rows = 12
    /// Mean absolute change, in luma levels, that motion and exposure do not reach.
    static let threshold: Float = 24

    private var previous = [UInt8](repeating: 0, count: columns * rows)
    private var hasPrevious = false

    /// Takes the next frame.
    mutating func isCut(_ frame: VideoFrame) -> Bool {
        let luma = frame.luma
        var change = 0
        for row in 0..<Self.rows {
            let y = (2 * row + 1) * frame.height / (2 * Self.rows)
            for column in 0..<Self.columns {
                let x = (2 * column + 1) * frame.width / (2 * Self.columns)
                // A few neighbours together are steadier than one pixel.
                let x1 = min(x + 1, frame.width - 1)
                let y1 = min(y + 1, frame.height - 1)
                let sum = Int(luma[y * frame.width + x]) + Int(luma[y * frame.width + x1])
                    + Int(luma[y1 * frame.width + x]) + Int(luma[y1 * frame.width + x1])
                let value = UInt8(sum / 4)
                let slot = row * Self.columns + column
                change += abs(Int(value) - Int(previous[slot]))
                previous[slot] = value
            }
        }
        defer { hasPrevious = true }
        return hasPrevious && Float(change) / Float(Self.columns * Self.rows) > Self.threshold
    }
}
