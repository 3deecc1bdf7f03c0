internal import CKernels

/// How usable an aligned face crop is, measured on its grey levels.
public struct CropQuality: Hashable, Sendable {
    /// Variance of the Laplacian (4-neighbour kernel 0 1 0, 1 −4 1, 0 1 0; border pixels left out), in squared grey levels. Falls with blur, rises with noise.
    /// On 112×112 crops of LFW sharp faces have several hundred, visibly blurred ones below about 50.
    public let sharpness: Float
    /// Mean grey level 0…255.
    public let brightness: Float
    /// Standard deviation of the grey levels.
    public let contrast: Float

    /// - Parameter crop: RGB planes `[3, height, width]` (grey is 0.299 R + 0.587 G + 0.114 B, in 1/256 and rounded) or one grey plane `[height, width]`.
    /// - Precondition: both sides are at least 3, and the crop has one or three planes.
    public init(of crop: Span<UInt8>, width: Int, height: Int) {
        precondition(width >= 3 && height >= 3 && width <= 1024 && height <= 1024)
        precondition(crop.count == width * height || crop.count == 3 * width * height, "\(crop.count) levels for \(width)x\(height)")
        var sums = fwoc_crop_statistics()
        unsafe crop.withUnsafeBufferPointer { crop in
            unsafe fwoc_frontend_crop_statistics(crop.baseAddress!, crop.count == width * height ? 1 : 3, Int32(width), Int32(height), &sums)
        }
        let count = Double(width * height)
        let inner = Double((width - 2) * (height - 2))
        let mean = Double(sums.level) / count
        let laplacian = Double(sums.laplacian) / inner
        brightness = Float(mean)
        contrast = Float(max(0, Double(sums.level_square) / count - mean * mean).squareRoot())
        sharpness = Float(max(0, Double(sums.laplacian_square) / inner - laplacian * laplacian))
    }
}
