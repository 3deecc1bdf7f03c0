import Inference

/// One face's crops, through a network a chunk at a time. Allocates at init only.
struct FaceEmbeddings {
    private let network: StreamingNetwork
    private let state: StreamState
    /// A crop's level 0…255 becomes (level − mean) · scale.
    private let level: (mean: Float, scale: Float)
    private let size: Int
    private let role: String
    /// Crops that wait for a whole chunk.
    private var waiting: [UInt8]
    private var waitingCount = 0
    private(set) var ring: EmbeddingRing
    /// Grid frame after the newest crop.
    private(set) var next = 0

    /// - Parameter size: pixels of a crop.
    init(_ network: StreamingNetwork, size: Int, level: (mean: Float, scale: Float) = (0, 1), role: String) {
        self.network = network
        self.size = size
        self.level = level
        self.role = role
        state = network.makeState()
        ring = EmbeddingRing(dimension: network.outputs[0].count / network.chunk)
        waiting = [UInt8](repeating: 0, count: network.chunk * size)
    }

    /// Another face, whose first crop belongs to this grid frame.
    mutating func begin(at gridFrame: Int) {
        state.reset()
        ring.begin(at: gridFrame)
        waitingCount = 0
        next = gridFrame
    }

    mutating func append(_ crop: Span<UInt8>) throws(RecognitionError) {
        precondition(crop.count == size)
        let start = waitingCount * size
        waiting.withMutableSpan { waiting in
            for index in 0..<size { waiting[start + index] = crop[index] }
        }
        waitingCount += 1
        next += 1
        if waitingCount == network.chunk { try encode() }
    }

    /// Ends the stream: what waited for more comes out.
    mutating func drain() throws(RecognitionError) {
        while !network.isDrained(state) { try encode() }
    }

    private mutating func encode() throws(RecognitionError) {
        let units = waitingCount, count = size * units
        network.withInput(0, as: Float.self) { input in
            waiting.withSpan { waiting in
                for index in 0..<count { input[index] = (Float(waiting[index]) - level.mean) * level.scale }
            }
        }
        waitingCount = 0
        let step = try RecognitionError.naming(role) { try network.run(state, units: units) }
        network.withOutput(0, as: Float.self) { ring.keep($0, step) }
    }
}
