public import ModelBundle

/// An encoder by name: a line of a recipe.
///
/// What goes in is what the front end makes and shards hold; what comes out is `embedding` `[n, dimension]`, of length 1.
public enum EncoderArchitecture: String, Sendable, CaseIterable {
    /// Pictures of faces `[n, 3, 112, 112]`. 45 M multiply-accumulates and 0.28 M weights at 256 numbers; the others are counted alike.
    case mobileFaceNetSmall = "mobilefacenet-small"
    /// 116 M and 1.10 M: most of the weights lie where the picture is small already, and cost little there.
    case mobileFaceNetMedium = "mobilefacenet-medium"
    /// The same with a gate for every channel of every bottleneck, and one bottleneck more at the end.
    case mobileFaceNetGated = "mobilefacenet-gated"
    /// The network of its paper, 221 M and 1.09 M.
    case mobileFaceNet = "mobilefacenet"
    /// Pictures of faces, a ResNet of 18 layers for machines that have room: 1.74 G and 17.6 M.
    case resNet18 = "resnet-18"
    /// Log-mel frames `[n, time, 80]`, time free: 50 M a second, and 0.77 M.
    case depthwiseTDNN = "depthwise-tdnn"
    /// The same, deeper and at half the rate: 57 M a second, and 1.8 M.
    case gatedTDNN = "gated-tdnn"

    /// - Parameter dimension: of the embedding.
    public func graph(dimension: Int = 256, seed: UInt64) throws(GraphBuilderError) -> Graph {
        var net = GraphBuilder(name: rawValue, seed: seed)
        let embedding: GraphBuilder.Value
        switch self {
        case .mobileFaceNetSmall:
            embedding = net.mobileFaceNet(
                net.faces(), stem: 32, stages: [
                    .init(channels: 32, expansion: 2, blocks: 3, stride: 2), .init(channels: 64, expansion: 4, blocks: 1, stride: 2), .init(channels: 64, expansion: 2, blocks: 4, stride: 1),
                    .init(channels: 64, expansion: 4, blocks: 1, stride: 2), .init(channels: 64, expansion: 2, blocks: 2, stride: 1),
                ], head: 256, dimension: dimension)
        case .mobileFaceNetMedium:
            embedding = net.mobileFaceNet(
                net.faces(), stem: 32, stages: [
                    .init(channels: 48, expansion: 2, blocks: 3, stride: 2), .init(channels: 96, expansion: 4, blocks: 1, stride: 2), .init(channels: 96, expansion: 2, blocks: 5, stride: 1),
                    .init(channels: 192, expansion: 4, blocks: 1, stride: 2), .init(channels: 192, expansion: 2, blocks: 3, stride: 1),
                ], head: 512, dimension: dimension)
        case .mobileFaceNetGated:
            embedding = net.mobileFaceNet(
                net.faces(), stem: 32, stages: [
                    .init(channels: 48, expansion: 2, blocks: 3, stride: 2), .init(channels: 96, expansion: 4, blocks: 1, stride: 2), .init(channels: 96, expansion: 2, blocks: 5, stride: 1),
                    .init(channels: 192, expansion: 4, blocks: 1, stride: 2), .init(channels: 192, expansion: 2, blocks: 3, stride: 1), .init(channels: 192, expansion: 1, blocks: 1, stride: 1),
                ], isGated: true, head: 512, dimension: dimension)
        case .mobileFaceNet:
            // Table 1 of the paper.
            embedding = net.mobileFaceNet(
                net.faces(), stem: 64, stages: [
                    .init(channels: 64, expansion: 2, blocks: 5, stride: 2), .init(channels: 128, expansion: 4, blocks: 1, stride: 2), .init(channels: 128, expansion: 2, blocks: 6, stride: 1),
                    .init(channels: 128, expansion: 4, blocks: 1, stride: 2), .init(channels: 128, expansion: 2, blocks: 2, stride: 1),
                ], head: 512, dimension: dimension)
        case .resNet18:
            embedding = net.resNet18(net.faces(), dimension: dimension)
        case .depthwiseTDNN:
            let x = net.input("frames", [.free("batch"), .free("time"), .fixed(80)])
            embedding = net.depthwiseTDNN(x, dimension: dimension)
        case .gatedTDNN:
            let x = net.input("frames", [.free("batch"), .free("time"), .fixed(80)])
            embedding = net.gatedTDNN(x, dimension: dimension)
        }
        return try net.graph(outputs: ["embedding": net.normalized(embedding)])
    }
}

extension GraphBuilder {
    fileprivate mutating func faces() -> Value { input("picture", [.free("batch"), .fixed(3), .fixed(112), .fixed(112)]) }
}
