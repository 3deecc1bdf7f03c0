import Foundation

typealias Vector = SIMD3<Float>

func dot(_ a: Vector, _ b: Vector) -> Float { (a * b).sum() }

func cross(_ a: Vector, _ b: Vector) -> Vector {
    Vector(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
}

func length(_ a: Vector) -> Float { dot(a, a).squareRoot() }

func unit(_ a: Vector) -> Vector { a / max(length(a), 1e-9) }

func mix(_ a: Vector, _ b: Vector, _ t: Float) -> Vector { a + (b - a) * t }

func mix(_ a: Float, _ b: Float, _ t: Float) -> Float { a + (b - a) * t }

/// 0 below `low`, 1 above `high`, smooth between.
func ramp(_ low: Float, _ high: Float, _ x: Float) -> Float {
    let t = min(max((x - low) / (high - low), 0), 1)
    return t * t * (3 - 2 * t)
}

func power(_ base: Float, _ exponent: Float) -> Float { pow(base, exponent) }

func acosine(_ x: Float) -> Float { acos(x) }

func cosineOf(_ x: Float) -> Float { cos(x) }

func sineOf(_ x: Float) -> Float { sin(x) }
