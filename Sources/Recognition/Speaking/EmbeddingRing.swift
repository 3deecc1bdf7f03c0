import Inference

/// Embeddings of one stream by grid frame (``SpeakingGrid``), the newest few seconds. Allocates at init only.
struct EmbeddingRing {
    /// Grid frames that are kept.
    static let capacity = 128

    private(set) var values: [Float]
    let dimension: Int
    /// Grid frame of the first embedding, and the one after the newest.
    private(set) var first = 0
    private(set) var next = 0

    init(dimension: Int) {
        self.dimension = dimension
        values = [Float](repeating: 0, count: Self.capacity * dimension)
    }

    mutating func begin(at gridFrame: Int) {
        first = gridFrame
        next = gridFrame
    }

    func contains(_ gridFrame: Int) -> Bool { gridFrame >= max(first, next - Self.capacity) && gridFrame < next }

    /// Position of a grid frame's embedding; the nearest kept one stands for frames outside.
    func offset(of gridFrame: Int) -> Int {
        let frame = min(max(gridFrame, max(first, next - Self.capacity)), next - 1)
        return ((frame % Self.capacity) + Self.capacity) % Self.capacity * dimension
    }

    /// Takes what a step of the stream made; the stream's unit 0 is the first grid frame.
    mutating func keep(_ output: Span<Float>, _ step: StreamingNetwork.Step) {
        for (position, unit) in step.range.enumerated() {
            let gridFrame = first + unit
            next = gridFrame + 1
            let target = offset(of: gridFrame), source = (step.offset + position) * dimension
            for index in 0..<dimension { values[target + index] = output[source + index] }
        }
    }
}
