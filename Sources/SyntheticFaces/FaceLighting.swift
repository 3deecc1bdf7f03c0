public import Biometrics
import Foundation

/// The light on a head, in linear sRGB: an even light that is stronger from above, one lamp or window, and the camera's exposure.
public struct FaceLighting: Sendable, Hashable {
    public var ambient: SIMD3<Float>
    /// How much stronger the even light is from above than from below, 0…1.
    public var ambientSlope: Float
    /// Toward the lamp: x to the image's right, y up, z toward the camera. Any length but zero.
    public var keyDirection: SIMD3<Float>
    public var keyColour: SIMD3<Float>
    public var exposure: Float

    public init(
        ambient: SIMD3<Float> = SIMD3(repeating: 0.55), ambientSlope: Float = 0.35, keyDirection: SIMD3<Float> = SIMD3(0.4, 0.5, 0.8),
        keyColour: SIMD3<Float> = SIMD3(repeating: 0.55), exposure: Float = 1
    ) {
        self.ambient = ambient
        self.ambientSlope = ambientSlope
        self.keyDirection = keyDirection
        self.keyColour = keyColour
        self.exposure = exposure
    }

    /// Light of a room, an office or a window, as in front of a webcam.
    public init(seed: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: 71)
        let share = generator.real(0.25, 0.62)
        let warmth = generator.real(-1, 1)
        let tint = SIMD3<Float>(1 + 0.07 * warmth, 1, 1 - 0.11 * warmth)
        let other = generator.real(-1, 1)
        let keyTint = SIMD3<Float>(1 + 0.07 * other, 1, 1 - 0.12 * other)
        let angle = generator.real(-1, 1) * 1.15
        let height = generator.real(0.1, 0.95)
        let level = generator.real(0.68, 0.95)
        self.init(
            ambient: tint * ((1 - share) * level), ambientSlope: generator.real(0.15, 0.5),
            keyDirection: SIMD3(sin(angle), height, cos(angle)), keyColour: keyTint * (share * 1.15 * level), exposure: generator.real(0.85, 1.1))
    }

    /// Light that falls on a surface with this normal (a unit vector), before the exposure.
    func irradiance(_ normal: SIMD3<Float>, toLamp: SIMD3<Float>, up: SIMD3<Float>) -> SIMD3<Float> {
        let even = ambient * (1 + ambientSlope * (normal * up).sum())
        // Wrapped: skin and hair scatter light around the terminator.
        let facing = max(0, ((normal * toLamp).sum() + 0.3) / 1.3)
        return even + keyColour * facing
    }
}
