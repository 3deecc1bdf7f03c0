public import FrontEnd
import Inference
public import MediaTypes
public import ModelBundle

/// The probability of speech, every 20 ms, by convolutions over the log-mel frames that the voice encoder reads too: two frames at a time, each once.
///
/// Allocates at init only. Thread-bound.
public final class StreamingVoiceActivityDetector: VoiceActivityDetector {
    /// Samples that one answer is about.
    public static let unitSamples = 320
    /// Log-mel frames of a unit.
    private static let framesPerUnit = 2
    /// Units that the network takes at once.
    private static let chunk = 2
    private static let role = "voice-activity"

    private let network: StreamingNetwork
    private let state: StreamState
    private let filters: Int
    private var row: [Float]
    private var ring: [Float]
    /// Feature frame that the network takes next.
    private var next = 0
    /// Answers since the stream's start.
    private var answered = 0
    /// Time until the answer about a moment is there, besides the frame's own length.
    public let latency: TimeSpan

    /// - Parameters:
    ///   - graph: `[1, 2 · time, filters]` → `[1, time, 1]`, probabilities.
    ///   - capacity: answers kept.
    public init(_ graph: Graph, contract: FrontEndContract, capacity: Int = 640) throws(RecognitionError) {
        guard case .logMel(let logMel)? = contract.sound, !logMel.subtractsMean else {
            throw RecognitionError(role: Self.role, "its front end must be windows of samples, or log-mel frames as they are")
        }
        guard graph.inputs.count == 1, graph.outputs.count == 1 else { throw RecognitionError(role: Self.role, "expected one input and one output") }
        filters = logMel.filters
        let input = TimeInput(shape: [1, Self.framesPerUnit, filters], axis: 1)
        network = try RecognitionError.naming(Self.role) {
            try StreamingNetwork(graph, inputs: [graph.inputs[0].name: input], outputs: [graph.outputs[0].name], chunk: Self.chunk)
        }
        guard network.outputs[0].count == Self.chunk else {
            throw RecognitionError(role: Self.role, "gives \(network.outputs[0].count) numbers for \(Self.chunk * Self.framesPerUnit) log-mel frames, expected \(Self.chunk)")
        }
        state = network.makeState()
        row = [Float](repeating: 0, count: filters)
        ring = [Float](repeating: 0, count: capacity)
        latency = .milliseconds((network.delay + Self.chunk) * 20)
    }

    public func append(_ samples: Span<Float>, features: LogMel?) throws(RecognitionError) {
        guard let features else { throw RecognitionError(role: Self.role, "log-mel frames are not computed: no other role reads them, and none was asked for") }
        let needed = Self.chunk * Self.framesPerUnit
        while features.availableFrames.upperBound - next >= needed {
            network.withInput(0, as: Float.self) { input in
                for place in 0..<needed {
                    let frame = max(next + place, features.availableFrames.lowerBound)
                    row.withMutableSpan { features.copyFrames(frame..<frame + 1, into: &$0) }
                    for index in row.indices { input[place * filters + index] = row[index] }
                }
            }
            next += needed
            try step(units: Self.chunk)
        }
    }

    /// - Postcondition: nothing more is taken before ``reset()``.
    public func finish() throws(RecognitionError) {
        while !network.isDrained(state) { try step(units: 0) }
    }

    private func step(units: Int) throws(RecognitionError) {
        let step = try RecognitionError.naming(Self.role) { try network.run(state, units: units) }
        network.withOutput(0, as: Float.self) { output in
            for (place, unit) in step.range.enumerated() {
                ring[unit % ring.count] = output[step.offset + place]
                answered = unit + 1
            }
        }
    }

    public func probability(at position: SamplePosition) -> Float? {
        guard position.index >= 0 else { return 0 }
        let unit = Int(position.index) / Self.unitSamples
        guard unit < answered else { return nil }
        guard unit >= answered - ring.count else { return 0 }
        return ring[unit % ring.count]
    }

    public func reset() {
        state.reset()
        next = 0
        answered = 0
    }
}
