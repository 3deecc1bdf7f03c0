import Inference
public import ModelBundle
import Tensors

/// Makes one embedding of a face's and a voice's, or of the one that is there.
///
/// The network takes both, zeros where one is missing, and `weights`: 1 where a modality is there, 0 where it is not, so that zeros are not taken for an embedding
/// (Choi and Lee, "EmbraceNet: A robust deep learning architecture for multimodal classification", Information Fusion 51, 2019, section 3.3). Thread-bound; allocates at
/// init only.
public final class FusedEncoder {
    /// Elements of an embedding.
    public let dimension: Int
    private let network: Network
    private let faceInput: Int, voiceInput: Int
    /// Of a graph that asks what is there.
    private let weightsInput: Int?

    /// - Parameters:
    ///   - faceDimension: elements of a face's embedding.
    ///   - voiceDimension: of a voice's.
    public init(_ graph: Graph, faceDimension: Int, voiceDimension: Int) throws(RecognitionError) {
        network = try RecognitionError.naming("fuser") {
            try Network(graph, inputs: ["face": .shape([1, faceDimension]), "voice": .shape([1, voiceDimension]), "weights": .shape([1, 2])])
        }
        guard let face = network.inputIndex("face"), let voice = network.inputIndex("voice") else {
            throw RecognitionError(role: "fuser", "expected inputs 'face' and 'voice', their embeddings")
        }
        (faceInput, voiceInput) = (face, voice)
        weightsInput = network.inputIndex("weights")
        guard let output = network.outputs.first, output.elementType == .float32, output.count >= 16 else {
            throw RecognitionError(role: "fuser", "expected one output, an embedding of 16 numbers or more")
        }
        dimension = output.count
    }

    /// - Parameters:
    ///   - face: of unit length; `nil` where there is none. Likewise `voice`; one of them must be there.
    ///   - embedding: `[dimension]`, overwritten, unit length.
    public func encode(face: [Float]?, voice: [Float]?, into embedding: inout [Float]) throws(RecognitionError) {
        precondition((face != nil || voice != nil) && embedding.count == dimension)
        for (index, values) in [(faceInput, face), (voiceInput, voice)] {
            precondition(values == nil || values!.count == network.inputs[index].count)
            network.withInput(index, as: Float.self) { input in
                for position in input.indices { input[position] = values?[position] ?? 0 }
            }
        }
        if let weightsInput {
            network.withInput(weightsInput, as: Float.self) { input in
                input[0] = face == nil ? 0 : 1
                input[1] = voice == nil ? 0 : 1
            }
        }
        try RecognitionError.naming("fuser") { try network.run() }
        network.withOutput(0, as: Float.self) { output in
            for position in output.indices { embedding[position] = output[position] }
        }
        UnitLength.normalise(&embedding)
    }
}
