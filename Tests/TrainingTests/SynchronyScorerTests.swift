import Biometrics
import FrontEnd
import Inference
import MediaTypes
import ModelBundle
import Recognition
import Tensors
import Testing
import Training

/// The two streams as the agent runs them, against both networks over the whole clip and sums that are written out.
@Suite struct SynchronyScorerTests {
    private static let frames = 40
    private static let side = 96
    private static let dimension = 8

    private let mouth: Graph
    private let sound: Graph

    init() throws {
        mouth = try SequenceArchitecture.mouthStream.graph(dimension: Self.dimension, seed: 3)
        sound = try SequenceArchitecture.soundStream.graph(dimension: Self.dimension, seed: 4)
    }

    private func scorer() throws -> SynchronyScorer { try SynchronyScorer(mouth: mouth, mouthContract: .mouth96, sound: sound, soundContract: .logMel80) }

    private static func picture(_ frame: Int) -> [UInt8] { (0..<side * side).map { UInt8(($0 * 7 + frame * frame * 31 + $0 / side * frame) % 256) } }
    private static let samples: [Float] = (0..<(frames + 1) * 640 + 240).map { index in
        let time = Float(index) / 16000
        return 0.3 * Float((index * 7919) % 201 - 100) / 100 * (1 + (time * 3).truncatingRemainder(dividingBy: 1))
    }

    private static func run(_ graph: Graph, _ values: [Float], _ shape: [Int]) throws -> [Float] {
        let network = try Network(graph, inputs: [graph.inputs[0].name: .shape(shape)])
        try network.setInput(0, Tensor(shape: shape, values: values))
        try network.run()
        return network.outputTensor(0).values()
    }

    /// Embeddings of the whole clip. Sound is taken from the first whole grid frame on, as the stream begins.
    private func reference() throws -> (mouths: [Float], sounds: [Float]) {
        let pictures = (0..<Self.frames).flatMap { Self.picture($0).map { (Float($0) - 127.5) / 127.5 } }
        let mel = try LogMel(contract: { var contract = LogMelContract(); contract.subtractsMean = false; return contract }(), capacity: 4 * Self.frames + 8)
        mel.append(Self.samples.span)
        let rows = 4 * Self.frames
        var values = [Float](repeating: 0, count: rows * 80)
        var span = values.mutableSpan
        mel.copyFrames(4..<4 + rows, into: &span)
        return (try Self.run(mouth, pictures, [1, Self.frames, Self.side, Self.side]), try Self.run(sound, values, [1, rows, 80]))
    }

    @Test(arguments: [640, 1111, 16000])
    func `Answers are those of whole clips, whatever the blocks`(_ block: Int) throws {
        let scorer = try scorer(), stream = try SoundStream(logMel: LogMelContract(), voiceActivity: nil, timings: StageTimings())
        var answers: [Int: Float] = [:]
        var place = 0
        // Pictures 0… belong to grid frame 1…, the first that is wholly heard.
        let slot = try #require(scorer.open(at: 1))
        for frame in 0..<Self.frames {
            try scorer.append(Self.picture(frame).span, to: slot)
            while place < Self.samples.count, place < (frame + 3) * 640 {
                let end = min(place + block, Self.samples.count)
                try stream.append(AudioBlock(start: .zero + AudioFormat.span(samples: place), samples: Array(Self.samples[place..<end])))
                place = end
            }
            try scorer.score(stream, flush: false) { #expect(answers.updateValue($2, forKey: $1) == nil && $0 == slot) }
        }
        try scorer.score(stream, flush: true) { answers[$1] = $2; #expect($0 == slot) }
        #expect(answers.keys.sorted() == Array(1...Self.frames))

        let (mouths, sounds) = try reference()
        let newest = try #require(scorer.synchrony(of: slot))
        for offset in -Synchrony.reach...Synchrony.reach {
            var sum: Float = 0, weight: Float = 0
            for now in 0..<Self.frames {
                let (v, a) = offset >= 0 ? (now - offset, now) : (now, now + offset)
                guard v >= 0, a >= 0 else { continue }
                var square: Float = 0
                for place in 0..<Self.dimension {
                    let difference = mouths[v * Self.dimension + place] - sounds[a * Self.dimension + place]
                    square += difference * difference
                }
                sum = sum * (1 - 1 / 25) + square.squareRoot()
                weight = weight * (1 - 1 / 25) + 1
            }
            #expect(abs(newest.distances[offset + Synchrony.reach] - sum / weight) < 2e-3, "offset \(offset)")
        }
        let calibration = SynchronyScorer.Calibration()
        let last = try #require(answers[Self.frames])
        let nearest = try #require((Synchrony.reach - 5...Synchrony.reach + 5).min { newest.distances[$0] < newest.distances[$1] })
        let elsewhere = newest.distances.indices.filter { abs($0 - nearest) > 2 }.map { Double(newest.distances[$0] - newest.distances[nearest]) }
        let mean = elsewhere.reduce(0, +) / Double(elsewhere.count), variance = elsewhere.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(elsewhere.count)
        let evidence = 0.5 * newest.distances.sorted()[Synchrony.reach] - newest.distances[nearest] + Float(0.1 * mean / (variance.squareRoot() + 0.02))
        #expect(abs(evidence - newest.evidence(near: 0, within: 5)) < 1e-4)
        #expect(abs(last - (Float(calibration.unknown.slope) * evidence + Float(calibration.unknown.offset))) < 1e-3)
    }

    @Test func `A second face begins anew, and sound that ended lets nobody wait`() throws {
        let scorer = try scorer(), stream = try SoundStream(logMel: LogMelContract(), voiceActivity: nil, timings: StageTimings())
        let first = try #require(scorer.open(at: 0))
        for frame in 0..<100 { try scorer.append(Self.picture(frame).span, to: first) }
        var answers: [Float] = []
        try scorer.score(stream, flush: false) { answers.append($2); #expect($0 == first) }
        #expect(answers.count >= 30 && answers.allSatisfy { $0 == -4 }, "nothing was heard: nobody spoke")
        scorer.close(first)
        let second = try #require(scorer.open(at: 50))
        #expect(scorer.synchrony(of: second) == nil)
        for _ in 1..<12 { #expect(scorer.open(at: 0) != nil) }
        #expect(scorer.open(at: 0) == nil, "twelve at most")
        scorer.reset()
        #expect(scorer.open(at: 0) != nil)
    }

    @Test func `Offset and confidence are SyncNet's`() {
        var distances = [Float](repeating: 1.3, count: 2 * Synchrony.reach + 1)
        distances[Synchrony.reach - 3] = 0.8
        let synchrony = Synchrony(distances: distances)
        #expect(synchrony.offset == -3 && synchrony.minimalDistance == 0.8)
        #expect(abs(synchrony.confidence - 0.5) < 1e-6)
        #expect(synchrony.distance(near: 0, within: 2) == 1.3 && synchrony.distance(near: 0, within: 3) == 0.8)
        // At the ends only what there is.
        #expect(synchrony.distance(near: -Synchrony.reach, within: 5) == 1.3 && synchrony.distance(near: Synchrony.reach, within: 2) == 1.3)
        // Nothing stands out more than one offset among equals.
        #expect(abs(synchrony.evidence(near: -4, within: 1) - (0.65 - 0.8 + 0.1 * 0.5 / 0.02)) < 1e-4)
        // Three offsets away from what is near, everything is elsewhere: on one level all of it but the peak.
        let off = 0.65 - 1.3 + 0.1 * (-0.5 / 26) / (Float(0.5 * 5 / 26) + 0.02)
        #expect(abs(synchrony.evidence(near: 5, within: 1) - off) < 1e-4)
        #expect(Synchrony(distances: [Float](repeating: 1.2, count: 2 * Synchrony.reach + 1)).evidence(near: 0, within: 2) == -0.6)
    }

    @Test func `Networks that do not fit are refused by role`() throws {
        #expect(throws: RecognitionError.self) { try SynchronyScorer(mouth: mouth, mouthContract: .mouth96, sound: sound, soundContract: .speakerTDNN512) }
        let other = try SequenceArchitecture.soundStream.graph(dimension: 16, seed: 4)
        #expect(throws: RecognitionError.self) { try SynchronyScorer(mouth: mouth, mouthContract: .mouth96, sound: other, soundContract: .logMel80) }
    }
}
