import FrontEnd
import Inference
public import MediaTypes
public import ModelBundle
import Tensors

/// Turns an aligned face into an embedding of unit length.
///
/// Crop and network input are reused from call to call. Thread-bound.
public final class FaceEncoder {
    /// Elements of an embedding.
    public let dimension: Int
    private let network: Network
    private let normalisation: PixelNormalisation
    private let contract: PictureContract
    /// RGB planes of the newest crop, `[3, 112, 112]`, 0…255.
    public private(set) var crop: [UInt8]

    /// - Parameter contract: the bundle's front end for this encoder; its geometry must align five points.
    public init(_ graph: Graph, contract: FrontEndContract) throws(RecognitionError) {
        guard let picture = contract.picture, picture.colour.channels == 3, case .fivePoints = picture.geometry else {
            throw RecognitionError(role: "face-encoder", "its front end must be a colour picture aligned to five points")
        }
        self.contract = picture
        (network, normalisation) = try RecognitionError.naming("face-encoder") {
            guard let name = graph.inputs.first?.name else { throw RecognitionError(role: "face-encoder", "the graph has no input") }
            let network = try Network(graph, inputs: [name: .shape([1, 3, picture.height, picture.width])])
            guard network.outputs.count >= 1, network.outputs[0].elementType == .float32, network.outputs[0].count >= 16 else {
                throw RecognitionError(role: "face-encoder", "expected one output, an embedding of 16 numbers or more")
            }
            return (network, try PixelNormalisation(picture))
        }
        dimension = network.outputs[0].count
        crop = [UInt8](repeating: 0, count: picture.elementCount)
    }

    /// Cuts the face out of the frame; ``crop`` holds it afterwards.
    /// - Returns: false where the landmarks span no face.
    public func cut(_ frame: VideoFrame, _ landmarks: FaceLandmarks, with sampler: CropSampler) -> Bool {
        guard case .fivePoints(let template) = contract.geometry,
            let transform = try? CropTransform(aligning: landmarks, to: template)
        else { return false }
        crop.withMutableSpan {
            sampler.writeRGB(frame, transform, width: contract.width, height: contract.height, border: contract.border, into: &$0)
        }
        return true
    }

    /// Variance of the Laplacian of the newest crop's green plane: luma but for a little, and at hand.
    public var sharpness: Float {
        let size = contract.width * contract.height
        return crop.withSpan {
            CropQuality(of: $0.extracting(size..<2 * size), width: contract.width, height: contract.height).sharpness
        }
    }

    /// Embeds ``crop``.
    /// - Parameter embedding: `[dimension]`, overwritten, unit length.
    public func encode(into embedding: inout [Float]) throws(RecognitionError) {
        precondition(embedding.count == dimension)
        network.withInput(0, as: Float.self) { input in crop.withSpan { normalisation.write($0, into: &input) } }
        try RecognitionError.naming("face-encoder") { try network.run() }
        network.withOutput(0, as: Float.self) { output in
            for index in output.indices { embedding[index] = output[index] }
        }
        UnitLength.normalise(&embedding)
    }
}
