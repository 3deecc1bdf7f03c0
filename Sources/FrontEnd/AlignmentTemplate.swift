/// Where five landmarks stand in an aligned face crop.
public enum AlignmentTemplate {
    /// ArcFace's positions in a 112×112 crop (Deng et al., 2019; `arcface_dst` of InsightFace), in the order of `FaceLandmarks.points`.
    public static let arcFace112: [SIMD2<Float>] = [
        SIMD2(38.2946, 51.6963), SIMD2(73.5318, 51.5014), SIMD2(56.0252, 71.7366), SIMD2(41.5493, 92.3655), SIMD2(70.7299, 92.2041),
    ]
}
