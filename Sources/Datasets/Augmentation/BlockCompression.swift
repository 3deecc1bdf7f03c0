import Glibc

/// What JPEG and the key frames of video leave of a picture: YCbCr with halved colour, 8×8 cosine transforms, coefficients rounded to multiples of
/// the tables in Annex K of ITU-T T.81, scaled by quality as the Independent JPEG Group does. No bits are written, as entropy coding loses nothing.
struct BlockCompression {
    private let luminance: [SIMD8<Float>]
    private let chrominance: [SIMD8<Float>]

    /// - Parameter quality: 1…100; beyond, the nearer end.
    init(quality: Int) {
        let quality = max(1, min(100, quality))
        let scale = quality < 50 ? 5000 / quality : 200 - 2 * quality
        func table(_ base: [Int]) -> [SIMD8<Float>] {
            (0..<8).map { row in SIMD8((0..<8).map { Float(max(1, min(255, (base[8 * row + $0] * scale + 50) / 100))) }) }
        }
        luminance = table(Self.luminanceTable)
        chrominance = table(Self.chrominanceTable)
    }

    func apply(to picture: inout FloatPicture) {
        let (width, height) = (picture.width, picture.height)
        guard picture.channels == 3 else {
            unsafe picture.values.withUnsafeMutableBufferPointer { values in
                for channel in 0..<picture.channels { unsafe code(values.baseAddress! + channel * width * height, width, height, luminance) }
            }
            return
        }
        let pixels = width * height
        let (halfWidth, halfHeight) = ((width + 1) / 2, (height + 1) / 2)
        var colour = [Float](repeating: 0, count: 2 * halfWidth * halfHeight)
        unsafe picture.values.withUnsafeMutableBufferPointer { values in
            unsafe colour.withUnsafeMutableBufferPointer { colour in
                for i in 0..<pixels {
                    let (r, g, b) = unsafe (max(0, min(255, values[i])), max(0, min(255, values[pixels + i])), max(0, min(255, values[2 * pixels + i])))
                    let y = 0.299 * r + 0.587 * g + 0.114 * b
                    unsafe values[i] = y
                    unsafe values[pixels + i] = (b - y) * 0.564_334_09 + 128
                    unsafe values[2 * pixels + i] = (r - y) * 0.713_266_76 + 128
                }
                for plane in 0..<2 {
                    let source = (plane + 1) * pixels
                    for y in 0..<halfHeight {
                        let (upper, lower) = (source + 2 * y * width, source + min(2 * y + 1, height - 1) * width)
                        for x in 0..<halfWidth {
                            let (left, right) = (2 * x, min(2 * x + 1, width - 1))
                            unsafe colour[(plane * halfHeight + y) * halfWidth + x] =
                                0.25 * (values[upper + left] + values[upper + right] + values[lower + left] + values[lower + right])
                        }
                    }
                }
                unsafe code(values.baseAddress!, width, height, luminance)
                unsafe code(colour.baseAddress!, halfWidth, halfHeight, chrominance)
                unsafe code(colour.baseAddress! + halfWidth * halfHeight, halfWidth, halfHeight, chrominance)
                for y in 0..<height {
                    let row = (y / 2) * halfWidth
                    for x in 0..<width {
                        let i = y * width + x
                        let luma = unsafe values[i]
                        let (cb, cr) = unsafe (colour[row + x >> 1] - 128, colour[halfHeight * halfWidth + row + x >> 1] - 128)
                        unsafe values[i] = luma + 1.402 * cr
                        unsafe values[pixels + i] = luma - 0.344_136_29 * cb - 0.714_136_29 * cr
                        unsafe values[2 * pixels + i] = luma + 1.772 * cb
                    }
                }
            }
        }
    }

    /// One plane, block after block; beyond its sides the last pixels are repeated.
    private func code(_ plane: UnsafeMutablePointer<Float>, _ width: Int, _ height: Int, _ table: [SIMD8<Float>]) {
        let empty = [SIMD8<Float>](repeating: .zero, count: 8)
        var matrices = empty + empty + table + Self.cosines + Self.transposed
        unsafe matrices.withUnsafeMutableBufferPointer { matrices in
            let block = matrices.baseAddress!
            let (scratch, steps, cosines, transposed) = unsafe (block + 8, block + 16, block + 24, block + 32)
            for top in stride(from: 0, to: height, by: 8) {
                for left in stride(from: 0, to: width, by: 8) {
                    let isWhole = left + 8 <= width
                    for y in 0..<8 {
                        let row = unsafe plane + min(top + y, height - 1) * width
                        if isWhole {
                            unsafe block[y] = UnsafeRawPointer(row + left).loadUnaligned(as: SIMD8<Float>.self) - 128
                        } else {
                            for x in 0..<8 { unsafe block[y][x] = row[min(left + x, width - 1)] - 128 }
                        }
                    }
                    // The transform is C·X·Cᵀ; each product's rows are sums of its second factor's rows.
                    unsafe Self.multiply(cosines, block, into: scratch)
                    unsafe Self.multiply(scratch, transposed, into: block)
                    // Adding and taking away 1.5·2²³ rounds to the nearest whole number.
                    for y in 0..<8 { unsafe block[y] = ((block[y] / steps[y] + 0x1.8p23) - 0x1.8p23) * steps[y] }
                    unsafe Self.multiply(transposed, block, into: scratch)
                    unsafe Self.multiply(scratch, cosines, into: block)
                    for y in 0..<min(8, height - top) {
                        let row = unsafe plane + (top + y) * width
                        let levels = unsafe (block[y] + 128).clamped(lowerBound: .zero, upperBound: SIMD8(repeating: 255))
                        if isWhole {
                            unsafe UnsafeMutableRawPointer(row + left).storeBytes(of: levels, as: SIMD8<Float>.self)
                        } else {
                            for x in 0..<width - left { unsafe row[left + x] = levels[x] }
                        }
                    }
                }
            }
        }
    }

    @inline(__always)
    private static func multiply(
        _ a: UnsafePointer<SIMD8<Float>>, _ b: UnsafePointer<SIMD8<Float>>, into product: UnsafeMutablePointer<SIMD8<Float>>
    ) {
        for i in 0..<8 {
            let row = unsafe a[i]
            var sum = unsafe row[0] * b[0]
            for k in 1..<8 { unsafe sum += row[k] * b[k] }
            unsafe product[i] = sum
        }
    }

    /// C[u][x] = c(u)·cos((2x + 1)uπ/16), orthonormal.
    private static let cosines: [SIMD8<Float>] = (0..<8).map { u in
        let level = u == 0 ? 0.125.squareRoot() : 0.5
        let row = (0..<8).map { x in level * cos(Double((2 * x + 1) * u) * Double.pi / 16) }
        return SIMD8(row.map { Float($0) })
    }
    private static let transposed: [SIMD8<Float>] = (0..<8).map { x in SIMD8((0..<8).map { cosines[$0][x] }) }

    private static let luminanceTable = [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
        18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ]
    private static let chrominanceTable = [
        17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    ]
}
