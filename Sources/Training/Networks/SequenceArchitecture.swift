public import ModelBundle

/// Networks that say something about every moment of what they are given, built with seeded weights.
///
/// Batch and time are free. They are convolutions over time alone: `StreamingNetwork` runs them a few frames at a time.
public enum SequenceArchitecture: String, Sendable, CaseIterable {
    /// Grey mouths `[n, time, 96, 96]`, −1…1, 25 a second: 32 M multiply-accumulates a second.
    case mouthStream = "mouth-stream"
    /// Log-mel frames `[n, 4 · time, 80]` of the same time: 7 M a second.
    case soundStream = "sound-stream"
    /// Log-mel frames `[n, 2 · time, 80]`: the probability of speech in every 20 ms, `[n, time, 1]`. 1.4 M a second.
    case voiceActivity = "voice-activity"

    /// Units of 40 ms that an embedding of a stream looks ahead and back: those nearer to an end of a clip have seen its padding.
    public static let margin = 5

    /// - Parameter dimension: of the embedding that a stream gives for every 40 ms, `embedding` `[n, time, dimension]`, of length 1.
    public func graph(dimension: Int = 128, seed: UInt64) throws(GraphBuilderError) -> Graph {
        var net = GraphBuilder(name: rawValue, seed: seed)
        let embedding: GraphBuilder.Value
        switch self {
        case .mouthStream:
            let x = net.input("mouths", [.free("batch"), .free("time"), .fixed(96), .fixed(96)])
            embedding = net.mouthStream(x, dimension: dimension)
        case .soundStream:
            let x = net.input("frames", [.free("batch"), .free("time"), .fixed(80)])
            embedding = net.soundStream(x, dimension: dimension)
        case .voiceActivity:
            let x = net.input("frames", [.free("batch"), .free("time"), .fixed(80)])
            return try net.graph(outputs: ["probability": net.voiceActivity(x)])
        }
        return try net.graph(outputs: ["embedding": net.normalized(embedding)])
    }
}
