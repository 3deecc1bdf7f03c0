public import ModelBundle

/// A finder of faces by name, with YuNet's inputs and outputs (see `FaceDetector` of Recognition).
public enum DetectorArchitecture: String, Sendable, CaseIterable {
    /// 59.9 M multiply-accumulates at 320×240.
    case separablePyramid = "separable-pyramid"

    /// Batch, height and width are free; both sides are multiples of 32.
    public func graph(seed: UInt64) throws(GraphBuilderError) -> Graph {
        var net = GraphBuilder(name: rawValue, seed: seed)
        let picture = net.input("picture", [.free("batch"), .fixed(3), .free("height"), .free("width")])
        return try net.graph(outputs: net.faceDetector(picture))
    }
}
