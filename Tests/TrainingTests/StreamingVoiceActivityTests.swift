import FrontEnd
import Inference
import MediaTypes
import ModelBundle
import Quantization
import Recognition
import Tensors
import Testing
import Training

/// The small detector of speech as the agent runs it, against the whole clip.
@Suite struct StreamingVoiceActivityTests {
    /// 10 ms each.
    private static let frames = 100
    private static let samples: [Float] = (0..<frames * 160 + 240).map { index -> Float in
        let level: Float = index / 4000 % 2 == 0 ? 0.003 : 0.00003
        return level * Float((index * 7919) % 201 - 100)
    }

    private static func features() throws -> [Float] {
        let mel = try LogMel(contract: LogMelContract(), capacity: frames)
        mel.append(samples.span)
        var values = [Float](repeating: 0, count: frames * 80)
        var span = values.mutableSpan
        mel.copyFrames(0..<frames, into: &span)
        return values
    }

    /// With running statistics such as it would have learnt.
    private static func graph() throws -> Graph {
        var graph = try SequenceArchitecture.voiceActivity.graph(seed: 5)
        let features = try features(), mean = features.reduce(0, +) / Float(features.count)
        for (name, tensor) in graph.initializers {
            if tensor.shape == [80], name.hasSuffix(".mean") { graph.initializers[name] = Tensor(shape: [80], values: [Float](repeating: mean, count: 80)) }
            // Answers of all kinds, not of 0 and 1 alone.
            if name.hasSuffix("speech.weight") { graph.initializers[name] = Tensor(shape: tensor.shape, values: tensor.values(as: Float.self).map { 0.02 * $0 }) }
        }
        return graph
    }

    private static func whole(_ graph: Graph) throws -> [Float] {
        let network = try Network(graph, inputs: [graph.inputs[0].name: .shape([1, frames, 80])])
        try network.setInput(0, Tensor(shape: [1, frames, 80], values: features()))
        try network.run()
        return network.outputTensor(0).values()
    }

    @Test(arguments: [37, 160, 1111, 16240], [false, true])
    func `Answers are those of the whole clip, whatever the blocks, in float and in eight bits`(_ block: Int, _ isEightBit: Bool) throws {
        var graph = try Self.graph()
        if isEightBit {
            let input = [graph.inputs[0].name: Tensor(shape: [1, Self.frames, 80], values: try Self.features())]
            graph = try PostTrainingQuantizer().quantize(graph, samples: [input, input], probes: [input]).graph
        }
        let expected = try Self.whole(graph)
        #expect(expected.count == Self.frames / 2 && Set(expected).count > 10)
        let detector = try StreamingVoiceActivityDetector(graph, contract: .logMel80)
        for _ in 0..<2 {
            let stream = try SoundStream(logMel: LogMelContract(), voiceActivity: detector, timings: StageTimings())
            var place = 0
            while place < Self.samples.count {
                let end = min(place + block, Self.samples.count)
                try stream.append(AudioBlock(start: .zero + AudioFormat.span(samples: place), samples: Array(Self.samples[place..<end])))
                place = end
            }
            // What looks ahead has not been answered yet.
            #expect(detector.probability(at: SamplePosition(Int64(Self.samples.count - 300))) == nil && detector.latency > .milliseconds(40))
            try detector.finish()
            for unit in 0..<Self.frames / 2 {
                let found = try #require(detector.probability(at: SamplePosition(Int64(unit * 320 + 100))))
                #expect(abs(found - expected[unit]) < 1e-5, "unit \(unit)")
            }
            #expect(detector.probability(at: SamplePosition(-1)) == 0)
            // Another stream begins anew.
            detector.reset()
            #expect(detector.probability(at: SamplePosition(0)) == nil)
        }
    }

    @Test func `What is no such network is refused`() throws {
        let stream = try SequenceArchitecture.soundStream.graph(dimension: 8, seed: 1)
        #expect(throws: RecognitionError.self) { try StreamingVoiceActivityDetector(stream, contract: .logMel80) }
        let graph = try SequenceArchitecture.voiceActivity.graph(seed: 5)
        #expect(throws: RecognitionError.self) { try StreamingVoiceActivityDetector(graph, contract: .silero) }
        #expect(throws: RecognitionError.self) { try StreamingVoiceActivityDetector(graph, contract: .speakerTDNN512) }
        let detector = try StreamingVoiceActivityDetector(graph, contract: .logMel80)
        #expect(throws: RecognitionError.self) { try detector.append(Self.samples.span, features: nil) }
    }
}
