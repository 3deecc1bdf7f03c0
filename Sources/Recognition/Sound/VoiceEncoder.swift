import FrontEnd
import Inference
public import ModelBundle
import Tensors

/// Turns speech, as log-mel frames, into an embedding of unit length.
///
/// The network reads any length; plans are made at init for a few lengths, and the longest that the speech fills is used,
/// with the newest frames. Thread-bound; allocates at init only.
public final class VoiceEncoder {
    /// Frames (10 ms) of the plans, ascending: the shortest speech that is encoded and the longest that is read at once.
    public static let lengths = [80, 100, 125, 150, 200, 250, 300]
    /// Elements of an embedding.
    public let dimension: Int
    /// Filters of a frame.
    public let filters: Int
    private let networks: [Network]
    private let subtractsMean: Bool

    public init(_ graph: Graph, contract: FrontEndContract) throws(RecognitionError) {
        guard case .logMel(let mel)? = contract.sound else {
            throw RecognitionError(role: "voice-encoder", "its front end must be a log-mel filter bank")
        }
        filters = mel.filters
        subtractsMean = mel.subtractsMean
        networks = try RecognitionError.naming("voice-encoder") {
            guard let name = graph.inputs.first?.name, let longest = Self.lengths.last else {
                throw RecognitionError(role: "voice-encoder", "the graph has no input")
            }
            let full = try Network(graph, inputs: [name: .shape([1, longest, mel.filters])])
            return try Self.lengths.map {
                $0 == longest ? full : try full.replanned(inputs: [name: .shape([1, $0, mel.filters])])
            }
        }
        guard let output = networks[0].outputs.first, output.elementType == .float32, output.count >= 16 else {
            throw RecognitionError(role: "voice-encoder", "expected one output, an embedding of 16 numbers or more")
        }
        dimension = output.count
    }

    /// Whether so much speech can be encoded.
    public static func suffices(frames: Int) -> Bool { frames >= lengths[0] }

    /// - Parameters:
    ///   - frames: `[n, filters]`, n at least the first of ``lengths``; the newest are used.
    ///   - embedding: `[dimension]`, overwritten, unit length.
    public func encode(_ frames: Span<Float>, into embedding: inout [Float]) throws(RecognitionError) {
        let available = frames.count / filters
        precondition(Self.suffices(frames: available) && embedding.count == dimension)
        let index = Self.lengths.lastIndex { $0 <= available } ?? 0
        let network = networks[index]
        let skipped = (available - Self.lengths[index]) * filters
        network.withInput(0, as: Float.self) { input in
            for position in input.indices { input[position] = frames[skipped + position] }
            if subtractsMean { LogMel.subtractMean(from: &input, filters: filters) }
        }
        try RecognitionError.naming("voice-encoder") { try network.run() }
        network.withOutput(0, as: Float.self) { output in
            for position in output.indices { embedding[position] = output[position] }
        }
        UnitLength.normalise(&embedding)
    }
}
