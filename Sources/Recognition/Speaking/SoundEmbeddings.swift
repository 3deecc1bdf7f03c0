import FrontEnd
import Inference

/// The sound through a network a chunk at a time, once for all faces. Allocates at init only.
struct SoundEmbeddings {
    /// Feature frames in a grid frame.
    static let framesPerUnit = 4

    private let network: StreamingNetwork
    private let state: StreamState
    private let role: String
    private(set) var ring: EmbeddingRing
    /// Grid frame that the network takes next; `nil` before the first sound.
    private var next: Int?
    private var generation = 0
    /// One feature frame.
    private var row: [Float]

    /// - Parameter width: numbers of a feature frame.
    init(_ network: StreamingNetwork, width: Int, role: String) {
        self.network = network
        self.role = role
        state = network.makeState()
        ring = EmbeddingRing(dimension: network.outputs[0].count / network.chunk)
        row = [Float](repeating: 0, count: width)
    }

    /// The network begins anew with the next sound.
    mutating func reset() { next = nil }

    /// Encodes every whole chunk that is there.
    /// - Parameters:
    ///   - available: feature frames that are there.
    ///   - flush: also what waited for more, which does not come.
    ///   - copy: writes a feature frame.
    mutating func advance(
        _ sound: SoundStream, available: Range<Int>, flush: Bool, copy: (Int, inout MutableSpan<Float>) -> Void
    ) throws(RecognitionError) {
        guard let origin = sound.origin else { return }
        if next == nil || generation != sound.generation {
            generation = sound.generation
            state.reset()
            let first = SpeakingGrid.index(at: origin) + 1
            next = first
            ring.begin(at: first)
        }
        guard var next else { return }
        while true {
            let firstFrame = sound.frame(at: SpeakingGrid.instant(next))
            let units = min(network.chunk, max(0, (available.upperBound - firstFrame) / Self.framesPerUnit))
            guard units == network.chunk || (flush && !network.isDrained(state)) else { break }
            network.withInput(0, as: Float.self) { input in
                for place in 0..<units * Self.framesPerUnit {
                    let frame = min(max(firstFrame + place, available.lowerBound), available.upperBound - 1)
                    row.withMutableSpan { copy(frame, &$0) }
                    for index in row.indices { input[place * row.count + index] = row[index] }
                }
            }
            let step = try RecognitionError.naming(role) { try network.run(state, units: units) }
            network.withOutput(0, as: Float.self) { ring.keep($0, step) }
            next += units
        }
        self.next = next
    }
}
