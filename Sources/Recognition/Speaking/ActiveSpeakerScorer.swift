public import FrontEnd
import Inference
public import MediaTypes
public import ModelBundle

/// Speaking faces by an active-speaker network that reads grey faces and cepstra together: LR-ASD (Liao et al., *LR-ASD:
/// Lightweight and Robust Network for Active Speaker Detection*, 2025).
///
/// It says "this face talks while speech is heard"; whether these lips made this sound it hardly knows.
///
/// The network is cut in three. Its two encoders are convolutions over time and run as streams: every face crop and every
/// 40 ms of sound pass through them once, the sound once for all faces. Only the small recurrent back end, which runs over time in both
/// directions, looks at the newest ``windowFrames`` again at every step.
/// Allocates at init and when more faces are open than ever before. Thread-bound.
public final class ActiveSpeakerScorer: SpeakingFaceScorer {
    /// Grid frames that the back end sees at once.
    static let windowFrames = 60
    /// Grid frames that the encoders take at once.
    static let chunkFrames = 4
    /// Grid frames at the window's end whose answers would still change with what follows.
    static let contextFrames = 5
    /// Faces that are scored at the same time; more are not scored.
    static let maximumSlots = 12

    /// The values between the encoders and the back end, as the network's export names them.
    private static let visualValue = "/visualEncoder/Reshape_1_output_0"
    private static let audioValue = "/audioEncoder/Transpose_output_0"

    public let cropSize: Int
    private let boxScale: Float
    public let border: Float
    public let latency: TimeSpan

    private struct Slot {
        var isOpen = false
        var faces: FaceEmbeddings
        /// Next grid frame to be answered.
        var unanswered = 0
    }

    private let visual: StreamingNetwork
    private let back: Network
    private let backVisual: Int
    private let backAudio: Int
    private var sounds: SoundEmbeddings
    private var slots: [Slot] = []

    public init(_ graph: Graph, contract: FrontEndContract) throws(RecognitionError) {
        guard let picture = contract.picture, picture.colour == .grey, picture.width == picture.height,
            case .uprightSquare(let boxScale) = picture.geometry, case .mfcc(let mfcc)? = contract.sound
        else {
            throw RecognitionError(role: "speaking-face", "its front end must be grey faces in upright squares, and cepstra")
        }
        cropSize = picture.width
        self.boxScale = boxScale
        border = picture.border
        // What a part of the cut network does not read still has free sizes.
        let faces = InputBinding.shape([1, Self.chunkFrames, picture.height, picture.width])
        let cepstra = InputBinding.shape([1, Self.chunkFrames * SoundEmbeddings.framesPerUnit, mfcc.coefficients])
        let audio: StreamingNetwork
        (visual, audio, back) = try RecognitionError.naming("speaking-face") {
            let visual = try StreamingNetwork(
                graph, inputs: ["faces": TimeInput(shape: [1, 1, picture.height, picture.width], axis: 1)],
                constants: ["mfcc": cepstra], outputs: [Self.visualValue], chunk: Self.chunkFrames)
            let audio = try StreamingNetwork(
                graph, inputs: ["mfcc": TimeInput(shape: [1, SoundEmbeddings.framesPerUnit, mfcc.coefficients], axis: 1)],
                constants: ["faces": faces], outputs: [Self.audioValue], chunk: Self.chunkFrames)
            let dimension = (visual.outputs[0].count / Self.chunkFrames, audio.outputs[0].count / Self.chunkFrames)
            let back = try Network(
                graph,
                inputs: [
                    Self.visualValue: .shape([1, Self.windowFrames, dimension.0]),
                    Self.audioValue: .shape([1, Self.windowFrames, dimension.1]), "faces": faces, "mfcc": cepstra,
                ])
            return (visual, audio, back)
        }
        guard let visualInput = back.inputIndex(Self.visualValue), let audioInput = back.inputIndex(Self.audioValue),
            back.outputs.count == 1, back.outputs[0].count == Self.windowFrames
        else {
            throw RecognitionError(role: "speaking-face", "expected inputs 'faces', 'mfcc' and one score a frame")
        }
        backVisual = visualInput
        backAudio = audioInput
        sounds = SoundEmbeddings(audio, width: mfcc.coefficients, role: "speaking-face")
        latency = .milliseconds((max(visual.delay, audio.delay) + Self.chunkFrames + Self.contextFrames) * 40)
    }

    public func crop(box: BoundingBox, landmarks: FaceLandmarks) -> CropTransform? {
        try? CropTransform(levelSquareAround: box, eyes: nil, boxScale: boxScale, size: cropSize)
    }

    public func open(at gridFrame: Int) -> Int? {
        let index: Int
        if let free = slots.firstIndex(where: { !$0.isOpen }) {
            index = free
        } else if slots.count < Self.maximumSlots {
            slots.append(Slot(faces: FaceEmbeddings(visual, size: cropSize * cropSize, role: "speaking-face")))
            index = slots.count - 1
        } else {
            return nil
        }
        slots[index].isOpen = true
        slots[index].faces.begin(at: gridFrame)
        slots[index].unanswered = gridFrame
        return index
    }

    public func close(_ slot: Int) { slots[slot].isOpen = false }

    public func reset() {
        for slot in slots.indices { close(slot) }
        sounds.reset()
    }

    public func append(_ crop: Span<UInt8>, to slot: Int) throws(RecognitionError) {
        precondition(slots[slot].isOpen)
        try slots[slot].faces.append(crop)
    }

    public func score(_ sound: SoundStream, flush: Bool, _ body: (Int, Int, Float) -> Void) throws(RecognitionError) {
        try sounds.advance(sound, available: sound.mfcc.availableFrames, flush: flush) { sound.mfcc.copyFrames($0..<$0 + 1, into: &$1) }
        for slot in slots.indices where slots[slot].isOpen {
            if flush { try slots[slot].faces.drain() }
            let context = flush ? 0 : Self.contextFrames
            let ready = min(slots[slot].faces.ring.next, sounds.ring.next) - context
            if ready - slots[slot].unanswered >= (flush ? 1 : Self.chunkFrames) {
                try answer(slot, upTo: ready, end: ready + context, body)
            } else if slots[slot].faces.next - slots[slot].unanswered > Self.windowFrames {
                // Without sound nobody speaks: what would otherwise pile up is answered.
                for frame in slots[slot].unanswered..<slots[slot].faces.next { body(slot, frame, -4) }
                slots[slot].unanswered = slots[slot].faces.next
            }
        }
    }

    private func answer(_ slot: Int, upTo ready: Int, end: Int, _ body: (Int, Int, Float) -> Void) throws(RecognitionError) {
        let start = end - Self.windowFrames
        func fill(_ input: Int, from ring: EmbeddingRing) {
            back.withInput(input, as: Float.self) { values in
                for row in 0..<Self.windowFrames {
                    let source = ring.offset(of: start + row)
                    for index in 0..<ring.dimension { values[row * ring.dimension + index] = ring.values[source + index] }
                }
            }
        }
        fill(backVisual, from: slots[slot].faces.ring)
        fill(backAudio, from: sounds.ring)
        try RecognitionError.naming("speaking-face") { try back.run() }
        back.withOutput(0, as: Float.self) { logits in
            for frame in slots[slot].unanswered..<ready {
                // Frames before the sound began were never heard.
                body(slot, frame, frame < max(start, sounds.ring.first) ? -4 : logits[frame - start])
            }
        }
        slots[slot].unanswered = ready
    }
}
