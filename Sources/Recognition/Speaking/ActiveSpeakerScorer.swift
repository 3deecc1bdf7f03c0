import FrontEnd
import Inference
public import MediaTypes
public import ModelBundle

/// Speaking faces by an active-speaker network that reads grey faces and cepstra together: LR-ASD (Liao et al., *LR-ASD:
/// Lightweight and Robust Network for Active Speaker Detection*, 2025).
///
/// It says "this face talks while speech is heard"; whether these lips made this sound it hardly knows. Windows of
/// ``windowFrames`` advance by ``hopFrames``; of each the part that has context on both sides is answered.
/// Allocates at init and when more faces are open than ever before. Thread-bound.
public final class ActiveSpeakerScorer: SpeakingFaceScorer {
    static let windowFrames = 40
    static let hopFrames = 20
    /// Frames at a window's end whose answers still lack context.
    static let contextFrames = 5
    static let maximumSlots = 12

    public let cropSize: Int
    public var latency: TimeSpan { .milliseconds((Self.hopFrames + Self.contextFrames) * 40) }

    private struct Slot {
        var isOpen = false
        /// Grid frame after the newest crop.
        var next = 0
        /// Grid frame of the first crop.
        var first = 0
        /// Grid frame that is to be answered next.
        var unanswered = 0
        /// The newest ``windowFrames`` crops, `[windowFrames, size, size]`, a ring by grid frame.
        var crops: [UInt8]
    }

    private let network: Network
    private let faces: Int
    private let cepstra: Int
    private let coefficients: Int
    private var slots: [Slot] = []
    private var cepstrum: [Float]

    public init(_ graph: Graph, contract: FrontEndContract) throws(RecognitionError) {
        guard let picture = contract.picture, picture.colour == .grey, picture.width == picture.height,
            case .mfcc(let mfcc)? = contract.sound
        else {
            throw RecognitionError(role: "speaking-face", "its front end must be grey square faces and cepstra")
        }
        cropSize = picture.width
        coefficients = mfcc.coefficients
        cepstrum = [Float](repeating: 0, count: mfcc.coefficients)
        network = try RecognitionError.naming("speaking-face") {
            try Network(
                graph,
                inputs: [
                    "faces": .shape([1, Self.windowFrames, picture.height, picture.width]),
                    "mfcc": .shape([1, 4 * Self.windowFrames, mfcc.coefficients]),
                ])
        }
        guard let faces = network.inputIndex("faces"), let cepstra = network.inputIndex("mfcc"),
            network.outputs.count == 1, network.outputs[0].count == Self.windowFrames
        else {
            throw RecognitionError(role: "speaking-face", "expected inputs 'faces', 'mfcc' and one score a frame")
        }
        self.faces = faces
        self.cepstra = cepstra
    }

    public func open(at gridFrame: Int) -> Int? {
        let index: Int
        if let free = slots.firstIndex(where: { !$0.isOpen }) {
            index = free
        } else if slots.count < Self.maximumSlots {
            slots.append(Slot(crops: [UInt8](repeating: 0, count: Self.windowFrames * cropSize * cropSize)))
            index = slots.count - 1
        } else {
            return nil
        }
        slots[index].isOpen = true
        slots[index].first = gridFrame
        slots[index].next = gridFrame
        slots[index].unanswered = gridFrame
        return index
    }

    public func close(_ slot: Int) { slots[slot].isOpen = false }

    public func append(_ crop: Span<UInt8>, to slot: Int) throws(RecognitionError) {
        let size = cropSize * cropSize
        precondition(crop.count == size && slots[slot].isOpen)
        let start = Self.wrapped(slots[slot].next) * size
        for index in 0..<size { slots[slot].crops[start + index] = crop[index] }
        slots[slot].next += 1
    }

    public func score(_ sound: SoundStream, flush: Bool, _ body: (Int, Int, Float) -> Void) throws(RecognitionError) {
        for slot in slots.indices where slots[slot].isOpen {
            let waiting = slots[slot].next - slots[slot].unanswered
            guard waiting > 0, flush || waiting >= Self.hopFrames + Self.contextFrames else { continue }
            // Sound that is still to come decides as much as the picture does.
            let lastFrame = sound.frame(at: SpeakingGrid.instant(slots[slot].next)) - 1
            guard flush || lastFrame < sound.mfcc.availableFrames.upperBound else {
                if waiting >= Self.windowFrames { skip(slot, body) }
                continue
            }
            try answer(slot, sound, flush: flush, body)
        }
    }

    /// Without sound nobody speaks: answers what would otherwise pile up.
    private func skip(_ slot: Int, _ body: (Int, Int, Float) -> Void) {
        for frame in slots[slot].unanswered..<slots[slot].next { body(slot, frame, -4) }
        slots[slot].unanswered = slots[slot].next
    }

    private func answer(
        _ slot: Int, _ sound: SoundStream, flush: Bool, _ body: (Int, Int, Float) -> Void
    ) throws(RecognitionError) {
        let end = slots[slot].next
        let start = end - Self.windowFrames
        let size = cropSize * cropSize
        network.withInput(faces, as: Float.self) { input in
            for row in 0..<Self.windowFrames {
                // Before a face's first crop the first one stands.
                let source = Self.wrapped(max(start + row, slots[slot].first)) * size
                for index in 0..<size { input[row * size + index] = Float(slots[slot].crops[source + index]) }
            }
        }
        let available = sound.mfcc.availableFrames
        let firstFrame = sound.frame(at: SpeakingGrid.instant(start))
        network.withInput(cepstra, as: Float.self) { input in
            guard !available.isEmpty else {
                for index in input.indices { input[index] = 0 }
                return
            }
            for row in 0..<4 * Self.windowFrames {
                let frame = min(max(firstFrame + row, available.lowerBound), available.upperBound - 1)
                var one = cepstrum.mutableSpan
                sound.mfcc.copyFrames(frame..<frame + 1, into: &one)
                for index in 0..<coefficients { input[row * coefficients + index] = cepstrum[index] }
            }
        }
        try RecognitionError.naming("speaking-face") { try network.run() }
        let upTo = flush ? end : end - Self.contextFrames
        network.withOutput(0, as: Float.self) { logits in
            for frame in max(slots[slot].unanswered, start)..<upTo { body(slot, frame, logits[frame - start]) }
        }
        slots[slot].unanswered = upTo
    }

    private static func wrapped(_ gridFrame: Int) -> Int {
        let remainder = gridFrame % windowFrames
        return remainder < 0 ? remainder + windowFrames : remainder
    }
}
