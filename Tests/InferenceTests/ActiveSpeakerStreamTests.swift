import Foundation
import Inference
import ModelBundle
import Tensors
import Testing

/// The encoders of the public active-speaker model as streams.
@Suite struct ActiveSpeakerStreamTests {
    @Test(.enabled(if: TestData.referenceModels != nil, "the public reference models are not here; set FWOC_REFERENCE_MODELS"), arguments: [1, 3]) func activeSpeakerEncodersStream(_ chunk: Int) throws {
        let graph = try Graph(onnxFile: try #require(TestData.referenceModels).appendingPathComponent("lr_asd_ava.onnx"))
        let outputs = ["/audioEncoder/Transpose_output_0", "/visualEncoder/Reshape_1_output_0"]
        let length = 12
        let whole = try Network(graph, inputs: ["faces": .shape([1, length, 112, 112]), "mfcc": .shape([1, 4 * length, 13])], outputs: outputs)
        let faces = noise(length * 12544, seed: 3, scale: 128), sound = noise(length * 52, seed: 4, scale: 10)
        try whole.setInput(try #require(whole.inputIndex("faces")), Tensor(shape: [1, length, 112, 112], values: faces))
        try whole.setInput(try #require(whole.inputIndex("mfcc")), Tensor(shape: [1, 4 * length, 13], values: sound))
        try whole.run()
        let network = try StreamingNetwork(
            graph, inputs: ["faces": TimeInput(shape: [1, 1, 112, 112], axis: 1), "mfcc": TimeInput(shape: [1, 4, 13], axis: 1)], outputs: outputs, chunk: chunk)
        // Three blocks of kernels 5 and 3 over time.
        #expect(network.delay == 9)
        let state = network.makeState()
        let (video, audio) = (try #require(network.inputIndex("faces")), try #require(network.inputIndex("mfcc")))
        var fed = 0, seen = 0
        while !network.isDrained(state) {
            let units = min(chunk, length - fed)
            network.withInput(video, as: Float.self) { x in for index in 0..<units * 12544 { x[index] = faces[fed * 12544 + index] } }
            network.withInput(audio, as: Float.self) { x in for index in 0..<units * 52 { x[index] = sound[fed * 52 + index] } }
            fed += units
            let step = try network.run(state, units: units)
            for output in 0..<2 {
                let got = network.outputTensor(output).values(as: Float.self), expected = whole.outputTensor(output).values(as: Float.self)
                for t in step.range {
                    let row = (t - step.range.lowerBound + step.offset) * 128
                    for channel in 0..<128 { #expect(abs(got[row + channel] - expected[t * 128 + channel]) < 1e-5) }
                }
            }
            seen += step.range.count
        }
        #expect(seen == length)
    }
}
