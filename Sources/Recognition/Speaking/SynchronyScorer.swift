public import Biometrics
public import FrontEnd
import Inference
public import MediaTypes
public import ModelBundle

/// How a mouth and the sound go together at each offset, in SyncNet's terms (Chung and Zisserman, "Out of Time", 2016).
public struct Synchrony: Sendable {
    /// Largest offset that is looked at, in grid frames of 40 ms either way.
    public static let reach = 15
    /// Mean Euclidean distance of unit-length embeddings, at offsets −``reach``…``reach`` of the sound against the picture; 0…2.
    public var distances: [Float]

    public init(distances: [Float]) { self.distances = distances }

    private var best: Int { distances.indices.min { distances[$0] < distances[$1] } ?? 0 }
    /// Grid frames by which the sound comes later than the picture, negative where it comes earlier. SyncNet's demonstration reports the negative of it.
    public var offset: Int { best - Self.reach }
    public var minimalDistance: Float { distances[best] }
    public var medianDistance: Float { distances.sorted()[distances.count / 2] }
    /// Median − minimum: near 0 where no offset is better than any other.
    public var confidence: Float { medianDistance - minimalDistance }

    /// The smallest distance at most so many frames from an offset.
    public func distance(near offset: Int, within tolerance: Int) -> Float {
        let all = max(0, offset + Self.reach - tolerance)...min(distances.count - 1, offset + Self.reach + tolerance)
        return distances[all].min() ?? 2
    }

    /// ½ median − distance near where it is expected + 0.1 · prominence: its mean elsewhere less it, in standard deviations of the distances elsewhere, of which 0.02 is the least.
    ///
    /// The distance alone tells a voice from another's, the median less the distance a mouth that moves from one that does not; half of each tells both. But a face unlike those learnt from is
    /// never as near to its sound as they are: how far an offset stands out among the others tells that face's, too, by one threshold for all.
    public func evidence(near offset: Int, within tolerance: Int) -> Float {
        Self.evidence(distances, median: medianDistance, near: offset, within: tolerance)
    }

    /// ``evidence(near:within:)`` of distances whose median is known.
    static func evidence(_ distances: [Float], median: Float, near offset: Int, within tolerance: Int) -> Float {
        var nearest = max(0, offset + reach - tolerance)
        for index in nearest...min(distances.count - 1, offset + reach + tolerance) where distances[index] < distances[nearest] { nearest = index }
        // A window of sound agrees a little with its neighbours: two frames away it no longer does.
        var sum: Float = 0, squares: Float = 0, count: Float = 0
        for index in distances.indices where abs(index - nearest) > 2 { (sum, count) = (sum + distances[index] - distances[nearest], count + 1) }
        guard count > 0 else { return 0 }
        let mean = sum / count
        for index in distances.indices where abs(index - nearest) > 2 {
            let beside = distances[index] - distances[nearest] - mean
            squares += beside * beside
        }
        let deviation = (squares / count).squareRoot()
        return 0.5 * median - distances[nearest] + 0.1 * mean / (deviation + 0.02)
    }
}

/// Speaking faces by two streams that embed mouths and sound apart: whose voice it is, by whose lips move with it.
///
/// Every mouth and every 40 ms of sound pass their network once, the sound once for all faces. A face's distances to the sound at all offsets fade with
/// ``memory``: what is answered for a grid frame rests on the second before it, and on nothing after it but what the networks look ahead.
/// Allocates at init and when more faces are open than ever before. Thread-bound.
public final class SynchronyScorer: SpeakingFaceScorer {
    /// Grid frames that the networks take at once.
    static let chunkFrames = 2
    /// Faces that are scored at the same time; more are not scored.
    static let maximumSlots = 12
    /// Grid frames after which a comparison counts 1/e.
    static let memory: Float = 25
    /// Grid frames of comparison before anything is said.
    static let least: Float = 8
    /// Grid frames of somebody clearly speaking before an offset is said, and after which one counts 1/e.
    static let leastForOffset: Float = 75
    static let memoryOfOffset: Float = 1500

    /// Log odds of a face that speaks, from ``Synchrony/evidence(near:within:)``: slope · evidence + offset, as many speaking as not.
    ///
    /// Logistic regression over seven readers and talkers that the networks did not learn from, one second each, and six people of other clips, of whom they learnt from two, two seconds
    /// each, both kinds weighing the same: own sound against other people's and still mouths. `fwoc-train evaluate RUN --subset heldOut` prints it for the readers and talkers
    /// alone, who are told apart with a little more certainty (slopes of 15 and 13, the same zeros to 0.07).
    public struct Calibration: Sendable {
        /// Whether the offset of the sound against the picture is known.
        public enum Place: String, Sendable, CaseIterable {
            case known, unknown

            /// How far from it is looked, in grid frames; from no offset where none is known.
            public var tolerance: Int { self == .known ? 2 : 5 }
        }

        public var known: ScoreCalibration
        public var unknown: ScoreCalibration

        public init(known: ScoreCalibration = ScoreCalibration(slope: 13.2, offset: 5.9), unknown: ScoreCalibration = ScoreCalibration(slope: 11.6, offset: 4.7)) {
            (self.known, self.unknown) = (known, unknown)
        }

        subscript(place: Place) -> ScoreCalibration { place == .known ? known : unknown }
    }

    /// Confidence of whoever spoke that an offset needs to be said.
    static let leastConfidence: Float = 0.1

    public let cropSize: Int
    public let border: Float
    public let latency: TimeSpan
    private let widthScale: Float
    private let level: (mean: Float, scale: Float)
    private let calibration: Calibration

    private struct Slot {
        var isOpen = false
        var mouths: FaceEmbeddings
        /// Next grid frame to be answered.
        var unanswered = 0
        /// Faded sums of distances, and of their weights, by offset.
        var sums = [Float](repeating: 0, count: 2 * Synchrony.reach + 1)
        var weights = [Float](repeating: 0, count: 2 * Synchrony.reach + 1)
    }

    private let mouth: StreamingNetwork
    private var sounds: SoundEmbeddings
    private var slots: [Slot] = []
    /// Faded sum of the distances of whoever clearly spoke, and its weight.
    private var offsetSums = [Float](repeating: 0, count: 2 * Synchrony.reach + 1)
    private var offsetWeight: Float = 0
    private var current = [Float](repeating: 0, count: 2 * Synchrony.reach + 1)
    private var sorted = [Float](repeating: 0, count: 2 * Synchrony.reach + 1)

    /// - Parameters:
    ///   - mouth: `[1, time, side, side]` → `[1, time, d]`, unit-length.
    ///   - sound: `[1, 4 · time, filters]` → the same.
    public init(
        mouth: Graph, mouthContract: FrontEndContract, sound: Graph, soundContract: FrontEndContract, calibration: Calibration = Calibration()
    ) throws(RecognitionError) {
        guard let picture = mouthContract.picture, picture.colour == .grey, picture.width == picture.height, case .mouth(let widthScale) = picture.geometry,
            case .logMel(let logMel)? = soundContract.sound, !logMel.subtractsMean
        else { throw RecognitionError(role: "sync-video", "its front end must be grey mouths in squares, and that of sync-audio log-mel frames as they are") }
        cropSize = picture.width
        border = picture.border
        self.widthScale = widthScale
        level = (picture.mean[0], picture.scale[0])
        self.calibration = calibration
        self.mouth = try Self.stream(mouth, "sync-video", TimeInput(shape: [1, 1, picture.height, picture.width], axis: 1))
        let audio = try Self.stream(sound, "sync-audio", TimeInput(shape: [1, SoundEmbeddings.framesPerUnit, logMel.filters], axis: 1))
        guard self.mouth.outputs[0].count == audio.outputs[0].count else {
            throw RecognitionError(role: "sync-audio", "\(audio.outputs[0].count / Self.chunkFrames) numbers a frame, sync-video has \(self.mouth.outputs[0].count / Self.chunkFrames)")
        }
        sounds = SoundEmbeddings(audio, width: logMel.filters, role: "sync-audio")
        latency = .milliseconds((max(self.mouth.delay, audio.delay) + Self.chunkFrames) * 40)
    }

    private static func stream(_ graph: Graph, _ role: String, _ input: TimeInput) throws(RecognitionError) -> StreamingNetwork {
        guard graph.inputs.count == 1, graph.outputs.count == 1 else { throw RecognitionError(role: role, "expected one input and one output") }
        return try RecognitionError.naming(role) { try StreamingNetwork(graph, inputs: [graph.inputs[0].name: input], outputs: [graph.outputs[0].name], chunk: chunkFrames) }
    }

    public func crop(box: BoundingBox, landmarks: FaceLandmarks) -> CropTransform? { try? CropTransform(mouthOf: landmarks, widthScale: widthScale, size: cropSize) }

    public func open(at gridFrame: Int) -> Int? {
        let index: Int
        if let free = slots.firstIndex(where: { !$0.isOpen }) {
            index = free
        } else if slots.count < Self.maximumSlots {
            slots.append(Slot(mouths: FaceEmbeddings(mouth, size: cropSize * cropSize, level: level, role: "sync-video")))
            index = slots.count - 1
        } else {
            return nil
        }
        slots[index].isOpen = true
        slots[index].mouths.begin(at: gridFrame)
        slots[index].unanswered = gridFrame
        for offset in slots[index].sums.indices { (slots[index].sums[offset], slots[index].weights[offset]) = (0, 0) }
        return index
    }

    public func close(_ slot: Int) { slots[slot].isOpen = false }

    public func reset() {
        for slot in slots.indices { close(slot) }
        sounds.reset()
        offsetWeight = 0
        for index in offsetSums.indices { offsetSums[index] = 0 }
    }

    public func append(_ crop: Span<UInt8>, to slot: Int) throws(RecognitionError) {
        precondition(slots[slot].isOpen)
        try slots[slot].mouths.append(crop)
    }

    public func score(_ sound: SoundStream, flush: Bool, _ body: (Int, Int, Float) -> Void) throws(RecognitionError) {
        if let logMel = sound.logMel {
            try sounds.advance(sound, available: logMel.availableFrames, flush: flush) { logMel.copyFrames($0..<$0 + 1, into: &$1) }
        }
        for slot in slots.indices where slots[slot].isOpen {
            if flush { try slots[slot].mouths.drain() }
            let ready = min(slots[slot].mouths.ring.next, sounds.ring.next)
            while slots[slot].unanswered < ready {
                compare(slot, slots[slot].unanswered)
                body(slot, slots[slot].unanswered, logOdds(slot))
                slots[slot].unanswered += 1
            }
            // Without sound nobody speaks: what would otherwise pile up is answered.
            while slots[slot].mouths.next - slots[slot].unanswered > EmbeddingRing.capacity / 2 {
                body(slot, slots[slot].unanswered, -4)
                slots[slot].unanswered += 1
            }
        }
    }

    /// What the newest answer of a face rests on, for whoever looks into it; `nil` where it is too little.
    public func synchrony(of slot: Int) -> Synchrony? {
        let (sums, weights) = (slots[slot].sums, slots[slot].weights)
        guard weights.allSatisfy({ $0 >= Self.least }) else { return nil }
        return Synchrony(distances: zip(sums, weights).map { $0 / $1 })
    }

    /// From ``Synchrony/evidence(near:within:)`` of ``synchrony(of:)``, without an array of its own; zero where there is too little to compare.
    private func logOdds(_ slot: Int) -> Float {
        for index in sorted.indices {
            guard slots[slot].weights[index] >= Self.least else { return 0 }
            let distance = slots[slot].sums[index] / slots[slot].weights[index]
            current[index] = distance
            var place = index
            while place > 0, sorted[place - 1] > distance {
                sorted[place] = sorted[place - 1]
                place -= 1
            }
            sorted[place] = distance
        }
        let expected = knownOffset, place = expected == nil ? Calibration.Place.unknown : .known
        let median = sorted[sorted.count / 2]
        let evidence = Synchrony.evidence(current, median: median, near: expected ?? 0, within: place.tolerance)
        let odds = Float(calibration[place].slope) * evidence + Float(calibration[place].offset)
        // Whoever sets the offset must be heard at one offset much better than at others, wherever it lies.
        if odds > 1 || median - sorted[0] > 2 * Self.leastConfidence {
            let fade = 1 - 1 / Self.memoryOfOffset
            offsetWeight = offsetWeight * fade + 1
            for index in offsetSums.indices { offsetSums[index] = offsetSums[index] * fade + current[index] }
        }
        return odds
    }

    /// Grid frames by which the sound comes later; `nil` until enough of somebody speaking was heard.
    private var knownOffset: Int? {
        guard offsetWeight >= Self.leastForOffset else { return nil }
        var best = 0, sum: Float = 0
        for index in offsetSums.indices {
            sum += offsetSums[index]
            if offsetSums[index] < offsetSums[best] { best = index }
        }
        // Against the mean, which needs no order: a minimum that stands out.
        guard sum / Float(offsetSums.count) - offsetSums[best] > Self.leastConfidence * offsetWeight else { return nil }
        return best - Synchrony.reach
    }

    public var soundOffset: TimeSpan? {
        guard offsetWeight >= Self.leastForOffset else { return nil }
        let mean = Synchrony(distances: offsetSums.map { $0 / offsetWeight })
        let place = mean.offset + Synchrony.reach
        // A minimum at the edge may be the flank of one outside.
        guard mean.confidence > Self.leastConfidence, place > 0, place < mean.distances.count - 1 else { return nil }
        let (left, middle, right) = (mean.distances[place - 1], mean.distances[place], mean.distances[place + 1])
        let bend = left - 2 * middle + right
        let refinement = bend > 0 ? 0.5 * (left - right) / bend : 0
        return .seconds(Double(Float(mean.offset) + refinement) * 0.04)
    }

    /// Adds the pairs whose later half is of this grid frame.
    private func compare(_ slot: Int, _ gridFrame: Int) {
        let fade = 1 - 1 / Self.memory
        for index in slots[slot].sums.indices {
            let offset = index - Synchrony.reach
            let (picture, heard) = offset >= 0 ? (gridFrame - offset, gridFrame) : (gridFrame, gridFrame + offset)
            guard slots[slot].mouths.ring.contains(picture), sounds.ring.contains(heard) else { continue }
            let v = slots[slot].mouths.ring.offset(of: picture), a = sounds.ring.offset(of: heard)
            var product: Float = 0
            for place in 0..<sounds.ring.dimension { product += slots[slot].mouths.ring.values[v + place] * sounds.ring.values[a + place] }
            slots[slot].sums[index] = slots[slot].sums[index] * fade + max(0, 2 - 2 * product).squareRoot()
            slots[slot].weights[index] = slots[slot].weights[index] * fade + 1
        }
    }
}
