public import FrontEnd
import Inference
public import MediaTypes
public import ModelBundle
import Tensors

/// The probability of speech, every 32 ms: Silero's recurrent detector, 512 new samples with 64 of context a step.
///
/// Keeps the newest answers in a ring. Allocates at init only. Thread-bound.
public final class RecurrentVoiceActivityDetector: VoiceActivityDetector {
    /// Samples of one step.
    public static let stepSamples = 512

    private let network: Network
    private let framing: SampleFraming
    private let audioInput: Int
    private let stateInput: Int
    private let probabilityOutput: Int
    private let stateOutput: Int
    private var state: [Float]
    private var ring: [Float]
    /// Steps since the stream's start.
    public private(set) var stepCount = 0

    /// - Parameter capacity: answers kept.
    public init(_ graph: Graph, contract: FrontEndContract, capacity: Int = 400) throws(RecognitionError) {
        guard case .waveform(let waveform)? = contract.sound, waveform.window == Self.stepSamples else {
            throw RecognitionError(role: "voice-activity", "its front end must be windows of \(Self.stepSamples) samples")
        }
        (network, framing) = try RecognitionError.naming("voice-activity") {
            let network = try Network(
                graph,
                inputs: [
                    "input": .shape([1, waveform.context + waveform.window]), "state": .shape([2, 1, 128]),
                    "sr": .constant(Tensor(scalar: Int64(AudioFormat.sampleRate))),
                ])
            return (network, try SampleFraming(contract: waveform))
        }
        guard let audio = network.inputIndex("input"), let state = network.inputIndex("state"),
            let probability = network.outputIndex("output"), let newState = network.outputIndex("stateN"),
            network.outputs[newState].count == network.inputs[state].count
        else {
            throw RecognitionError(role: "voice-activity", "expected inputs 'input', 'state', 'sr' and outputs 'output', 'stateN'")
        }
        audioInput = audio
        stateInput = state
        probabilityOutput = probability
        stateOutput = newState
        self.state = [Float](repeating: 0, count: network.inputs[state].count)
        ring = [Float](repeating: 0, count: capacity)
    }

    public func append(_ samples: Span<Float>, features: LogMel?) throws(RecognitionError) {
        try framing.append(samples) { (window, _) throws(RecognitionError) in
            network.withInput(audioInput, as: Float.self) { input in
                for index in window.indices { input[index] = window[index] }
            }
            network.withInput(stateInput, as: Float.self) { input in
                for index in state.indices { input[index] = state[index] }
            }
            try RecognitionError.naming("voice-activity") { try network.run() }
            network.withOutput(stateOutput, as: Float.self) { output in
                for index in output.indices { state[index] = output[index] }
            }
            ring[stepCount % ring.count] = network.withOutput(probabilityOutput, as: Float.self) { $0[0] }
            stepCount += 1
        }
    }

    public func probability(at position: SamplePosition) -> Float? {
        let step = Int(position.index) / Self.stepSamples
        guard step < stepCount else { return nil }
        guard step >= 0, step >= stepCount - ring.count else { return 0 }
        return ring[step % ring.count]
    }

    /// Every whole step is answered already.
    public func finish() {}

    public func reset() {
        for index in state.indices { state[index] = 0 }
        stepCount = 0
        framing.reset()
    }
}
