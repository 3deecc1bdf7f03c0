import Glibc

/// Complex Fourier transforms of powers of two for convolution: forward leaves the spectrum in bit-reversed order, inverse expects it so, and what is
/// done with it between (a product of points) does not mind. Its tables never change; thread-safe.
@safe public final class FourierTransform: Sendable {
    public static let longest = 65536
    public static let shared = FourierTransform()

    /// exp(−iπk/h) for k in 0..<h at h + k, for h = 1, 2, 4 … longest/2.
    private let cosines: [Float]
    private let sines: [Float]

    private init() {
        var (cosines, sines) = ([Float](repeating: 1, count: Self.longest), [Float](repeating: 0, count: Self.longest))
        var half = 1
        while half < Self.longest {
            for k in 0..<half {
                let angle = -Double.pi * Double(k) / Double(half)
                cosines[half + k] = Float(cos(angle))
                sines[half + k] = Float(sin(angle))
            }
            half *= 2
        }
        (self.cosines, self.sines) = (cosines, sines)
    }

    /// In place, spectrum in bit-reversed order.
    /// - Precondition: both hold count numbers, a power of two of at least 4.
    @unsafe public func forward(_ real: UnsafeMutablePointer<Float>, _ imaginary: UnsafeMutablePointer<Float>, count: Int) {
        unsafe cosines.withUnsafeBufferPointer { cosines in
            unsafe sines.withUnsafeBufferPointer { sines in
                unsafe Self.split(real, imaginary, cosines.baseAddress!, sines.baseAddress!, count)
            }
        }
    }

    /// In place from bit-reversed order, not divided by the count.
    @unsafe public func inverse(_ real: UnsafeMutablePointer<Float>, _ imaginary: UnsafeMutablePointer<Float>, count: Int) {
        unsafe cosines.withUnsafeBufferPointer { cosines in
            unsafe sines.withUnsafeBufferPointer { sines in
                unsafe Self.join(real, imaginary, cosines.baseAddress!, sines.baseAddress!, count)
            }
        }
    }

    /// Decimation in frequency. Halves are finished one after the other, so that they stay in the cache.
    private static func split(
        _ re: UnsafeMutablePointer<Float>, _ im: UnsafeMutablePointer<Float>, _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>, _ count: Int
    ) {
        guard count > 4 else { return unsafe four(re, im, forward: true) }
        let half = count / 2
        for k in stride(from: 0, to: half, by: 4) {
            let (ar, ai) = unsafe (load(re + k), load(im + k))
            let (br, bi) = unsafe (load(re + half + k), load(im + half + k))
            let (c, s) = unsafe (load(cosines + half + k), load(sines + half + k))
            let (dr, di) = (ar - br, ai - bi)
            unsafe store(ar + br, re + k)
            unsafe store(ai + bi, im + k)
            unsafe store(dr * c - di * s, re + half + k)
            unsafe store(dr * s + di * c, im + half + k)
        }
        unsafe split(re, im, cosines, sines, half)
        unsafe split(re + half, im + half, cosines, sines, half)
    }

    /// Decimation in time with conjugate factors: the way back of `split`.
    private static func join(
        _ re: UnsafeMutablePointer<Float>, _ im: UnsafeMutablePointer<Float>, _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>, _ count: Int
    ) {
        guard count > 4 else { return unsafe four(re, im, forward: false) }
        let half = count / 2
        unsafe join(re, im, cosines, sines, half)
        unsafe join(re + half, im + half, cosines, sines, half)
        for k in stride(from: 0, to: half, by: 4) {
            let (ar, ai) = unsafe (load(re + k), load(im + k))
            let (br, bi) = unsafe (load(re + half + k), load(im + half + k))
            let (c, s) = unsafe (load(cosines + half + k), load(sines + half + k))
            let (dr, di) = (br * c + bi * s, bi * c - br * s)
            unsafe store(ar + dr, re + k)
            unsafe store(ai + di, im + k)
            unsafe store(ar - dr, re + half + k)
            unsafe store(ai - di, im + half + k)
        }
    }

    /// Four numbers, whose factors are 1 and ∓i.
    @inline(__always)
    private static func four(_ re: UnsafeMutablePointer<Float>, _ im: UnsafeMutablePointer<Float>, forward: Bool) {
        let (r, i) = unsafe (load(re), load(im))
        if forward {
            let (er, ei, or, oi) = (r[0] + r[2], i[0] + i[2], r[1] + r[3], i[1] + i[3])
            let (fr, fi, gr, gi) = (r[0] - r[2], i[0] - i[2], i[1] - i[3], r[3] - r[1])
            unsafe store(SIMD4(er + or, er - or, fr + gr, fr - gr), re)
            unsafe store(SIMD4(ei + oi, ei - oi, fi + gi, fi - gi), im)
        } else {
            let (er, ei, or, oi) = (r[0] + r[1], i[0] + i[1], r[0] - r[1], i[0] - i[1])
            let (fr, fi, gr, gi) = (r[2] + r[3], i[2] + i[3], i[3] - i[2], r[2] - r[3])
            unsafe store(SIMD4(er + fr, or + gr, er - fr, or - gr), re)
            unsafe store(SIMD4(ei + fi, oi + gi, ei - fi, oi - gi), im)
        }
    }

    @inline(__always)
    private static func load(_ place: UnsafePointer<Float>) -> SIMD4<Float> { unsafe UnsafeRawPointer(place).loadUnaligned(as: SIMD4<Float>.self) }
    @inline(__always)
    private static func store(_ value: SIMD4<Float>, _ place: UnsafeMutablePointer<Float>) {
        unsafe UnsafeMutableRawPointer(place).storeBytes(of: value, as: SIMD4<Float>.self)
    }
}
