internal import CKernels

/// Levels 0…255 to a network's numbers, plane by plane: (level − mean)·scale. Thread-safe.
public struct PixelNormalisation: Hashable, Sendable {
    public let width: Int
    public let height: Int
    public let channels: Int
    private let mean: SIMD3<Float>
    private let scale: SIMD3<Float>
    private let isBGR: Bool

    public init(_ contract: PictureContract) throws(FrontEndError) {
        let channels = contract.colour.channels
        guard contract.mean.count == channels else {
            throw .contractMismatch(field: "picture.mean", got: "\(contract.mean.count) numbers", expected: "\(channels)")
        }
        guard contract.scale.count == channels else {
            throw .contractMismatch(field: "picture.scale", got: "\(contract.scale.count) numbers", expected: "\(channels)")
        }
        guard (contract.mean + contract.scale).allSatisfy(\.isFinite) else {
            throw .contractMismatch(field: "picture.mean and scale", got: "\(contract.mean) \(contract.scale)", expected: "finite numbers")
        }
        func triple(_ v: [Float]) -> SIMD3<Float> { channels == 1 ? SIMD3(repeating: v[0]) : SIMD3(v[0], v[1], v[2]) }
        self.channels = channels
        width = contract.width
        height = contract.height
        mean = triple(contract.mean)
        scale = triple(contract.scale)
        isBGR = contract.colour == .bgr
    }

    /// - Parameters:
    ///   - crop: RGB or grey planes `[channels, height, width]`, 0…255, as ``CropSampler`` writes them.
    ///   - output: `[channels, height, width]` in the contract's plane order.
    ///   - mirrored: left and right exchanged.
    /// - Precondition: both have `channels·height·width` elements.
    public func write(_ crop: Span<UInt8>, into output: inout MutableSpan<Float>, mirrored: Bool = false) {
        let plane = width * height
        precondition(crop.count == channels * plane && output.count == channels * plane)
        unsafe output.withUnsafeMutableBufferPointer { output in
            unsafe crop.withUnsafeBufferPointer { crop in
                for c in 0..<channels {
                    let source = isBGR ? channels - 1 - c : c
                    unsafe fwoc_frontend_normalise(
                        crop.baseAddress! + source * plane, Int32(width), Int32(height), mean[c], scale[c], mirrored ? 1 : 0,
                        output.baseAddress! + c * plane)
                }
            }
        }
    }

    func kernelChannels(isBGR: Bool) -> fwoc_channels {
        isBGR
            ? fwoc_channels(plane: (2, 1, 0), mean: (mean.z, mean.y, mean.x), scale: (scale.z, scale.y, scale.x))
            : fwoc_channels(plane: (0, 1, 2), mean: (mean.x, mean.y, mean.z), scale: (scale.x, scale.y, scale.z))
    }
}
