// p[i, j] = Σ_k q[i, k] · g[j, k], the cosine where rows have unit length. Every product is summed in the same order whatever block it
// falls into, so that p(a, b) = p(b, a) to the last bit and a result does not depend on the number of cores.

extension EmbeddingMatrix {
    /// Query rows of one block: their products with the whole gallery are what one core holds at a time.
    private static let blockRows = 32
    /// Gallery rows that stay in the first-level cache while a block of queries passes over them.
    private static let tileRows = 32

    /// `body(row, products)` for every row of this matrix, where `products` has `gallery.count` elements. In parallel by blocks;
    /// never more than a block per core is held.
    /// - Returns: the results in the order of the rows.
    /// - Precondition: the dimensions agree.
    public func mapProducts<Result: Sendable>(with gallery: EmbeddingMatrix, _ body: @Sendable (Int, Span<Float>) -> Result) -> [Result] {
        precondition(dimension == gallery.dimension, "embeddings of \(dimension) and \(gallery.dimension) dimensions")
        let blocks = (count + Self.blockRows - 1) / Self.blockRows
        return concurrentMap(blocks) { block in
            let rows = block * Self.blockRows..<min(count, (block + 1) * Self.blockRows)
            var products = [Float](repeating: 0, count: rows.count * gallery.count)
            multiply(rows, gallery, into: &products)
            let all = products.span
            return rows.map { body($0, all.extracting((($0 - rows.lowerBound) * gallery.count)..<(($0 - rows.lowerBound + 1) * gallery.count))) }
        }.flatMap { $0 }
    }

    /// The products of pairs of rows of this matrix and of `gallery`.
    public func products(with gallery: EmbeddingMatrix, pairs: [(Int, Int)]) -> [Float] {
        precondition(dimension == gallery.dimension, "embeddings of \(dimension) and \(gallery.dimension) dimensions")
        return pairs.map { Self.product(storage, $0.0 * stride, gallery.storage, $0.1 * stride, stride) }
    }

    /// The product of two rows of this matrix.
    func product(_ row: Int, _ other: Int) -> Float { Self.product(storage, row * stride, storage, other * stride, stride) }

    private static func product(_ a: [Float], _ aStart: Int, _ b: [Float], _ bStart: Int, _ count: Int) -> Float {
        unsafe a.withUnsafeBytes { a in
            unsafe b.withUnsafeBytes { b in
                let p = unsafe a.baseAddress! + aStart * 4, q = unsafe b.baseAddress! + bStart * 4
                var sum = SIMD8<Float>.zero
                for offset in Swift.stride(from: 0, to: count * 4, by: 32) {
                    unsafe sum += p.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self) * q.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                }
                return sum.sum()
            }
        }
    }

    private func multiply(_ rows: Range<Int>, _ gallery: EmbeddingMatrix, into products: inout [Float]) {
        let stride = stride, columns = gallery.count
        unsafe storage.withUnsafeBytes { queries in
            unsafe gallery.storage.withUnsafeBytes { gallery in
                unsafe products.withUnsafeMutableBufferPointer { products in
                    guard let q = queries.baseAddress, let g = gallery.baseAddress else { return }
                    for tile in Swift.stride(from: 0, to: columns, by: Self.tileRows) {
                        let end = min(columns, tile + Self.tileRows)
                        for row in Swift.stride(from: rows.lowerBound, to: rows.upperBound, by: 2) {
                            // An odd last row or column is computed twice, into the same place.
                            let rowB = min(row + 1, rows.upperBound - 1)
                            let a = unsafe q + row * stride * 4, b = unsafe q + rowB * stride * 4
                            for column in Swift.stride(from: tile, to: end, by: 2) {
                                let columnB = min(column + 1, end - 1)
                                let c = unsafe g + column * stride * 4, d = unsafe g + columnB * stride * 4
                                var ac = SIMD8<Float>.zero, ad = SIMD8<Float>.zero, bc = SIMD8<Float>.zero, bd = SIMD8<Float>.zero
                                for offset in Swift.stride(from: 0, to: stride * 4, by: 32) {
                                    let av = unsafe a.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                                    let bv = unsafe b.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                                    let cv = unsafe c.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                                    let dv = unsafe d.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                                    ac += av * cv
                                    ad += av * dv
                                    bc += bv * cv
                                    bd += bv * dv
                                }
                                let first = (row - rows.lowerBound) * columns, second = (rowB - rows.lowerBound) * columns
                                unsafe products[first + column] = ac.sum()
                                unsafe products[first + columnB] = ad.sum()
                                unsafe products[second + column] = bc.sum()
                                unsafe products[second + columnB] = bd.sum()
                            }
                        }
                    }
                }
            }
        }
    }
}
