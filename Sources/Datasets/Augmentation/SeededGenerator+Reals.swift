import Glibc

extension SeededGenerator {
    /// Uniform in 0..<1, of 24 bits.
    public mutating func fraction() -> Float { Float(next() >> 40) * 0x1p-24 }

    public mutating func uniform(_ range: ClosedRange<Float>) -> Float { range.lowerBound + fraction() * (range.upperBound - range.lowerBound) }

    /// Normal numbers of mean 0 and variance 1.
    public mutating func normals(_ count: Int) -> [Float] {
        unsafe [Float](unsafeUninitializedCapacity: count) { values, filled in
            unsafe NormalQuantiles.table.withUnsafeBufferPointer { table in
                var i = 0
                while i + 4 <= count {
                    let bits = next()
                    unsafe values[i] = table[Int(bits & 0xFFF)]
                    unsafe values[i + 1] = table[Int(bits >> 16 & 0xFFF)]
                    unsafe values[i + 2] = table[Int(bits >> 32 & 0xFFF)]
                    unsafe values[i + 3] = table[Int(bits >> 48 & 0xFFF)]
                    i += 4
                }
                while i < count {
                    unsafe values[i] = table[Int(next() & 0xFFF)]
                    i += 1
                }
            }
            filled = count
        }
    }
}

/// The normal distribution in 4096 equally likely values (the largest is 3.7): grain and hiss need a number for every pixel and sample, and a
/// table is ten times as fast as a logarithm and a cosine.
private enum NormalQuantiles {
    static let table: [Float] = {
        let half = 2048
        var upper: [Double] = []
        var x = 0.0
        for i in 0..<half {
            let tail = 0.5 - (Double(i) + 0.5) / Double(2 * half)
            // Newton from the left; the distribution is concave there, so it never oversteps.
            for _ in 0..<30 { x += (0.5 * erfc(x / 2.0.squareRoot()) - tail) * (2 * Double.pi).squareRoot() * exp(x * x / 2) }
            upper.append(x)
        }
        let scale = (upper.reduce(0) { $0 + $1 * $1 } / Double(half)).squareRoot()
        return upper.reversed().map { Float(-$0 / scale) } + upper.map { Float($0 / scale) }
    }()
}
