import Tensors

/// Shape and element type of a value; its size in bytes is known not to overflow.
struct TensorType: Sendable, Equatable {
    let shape: [Int]
    let elementType: ElementType

    var rank: Int { shape.count }
    var count: Int { shape.reduce(1, *) }
    var byteCount: Int { count * elementType.size }

    /// `nil` where a size is negative, or the whole is larger than `limit` bytes.
    init?(_ shape: [Int], _ elementType: ElementType, limit: Int) {
        var bytes = elementType.size
        for size in shape {
            guard size >= 0 else { return nil }
            // Zeros do not make the other sizes harmless: strides are products of all of them.
            let (product, overflow) = bytes.multipliedReportingOverflow(by: Swift.max(size, 1))
            guard !overflow, product <= limit else { return nil }
            bytes = product
        }
        guard shape.count <= Self.maximumRank else { return nil }
        self.shape = shape
        self.elementType = elementType
    }

    /// Same sizes in another order, or with ones added or removed.
    init(rearranged shape: [Int], _ elementType: ElementType) {
        self.shape = shape
        self.elementType = elementType
    }

    static let maximumRank = 16
}

extension [Int] {
    /// Elements between neighbours along each axis of a dense row-major tensor of this shape.
    var rowMajorStrides: [Int] {
        var strides = [Int](repeating: 1, count: count)
        var step = 1
        for axis in indices.reversed() {
            strides[axis] = step
            step *= Swift.max(self[axis], 1)
        }
        return strides
    }

    /// This permutation undone.
    var inversePermutation: [Int] {
        var inverse = [Int](repeating: 0, count: count)
        for (position, axis) in enumerated() { inverse[axis] = position }
        return inverse
    }

    var isIdentityPermutation: Bool { enumerated().allSatisfy { $0 == $1 } }
}

/// The shape that ONNX (NumPy) broadcasting gives, or `nil` where the shapes do not fit.
func broadcastShape(_ shapes: [[Int]]) -> [Int]? {
    let rank = shapes.map(\.count).max() ?? 0
    var result = [Int](repeating: 1, count: rank)
    for shape in shapes {
        for (index, size) in shape.enumerated() {
            let axis = rank - shape.count + index
            if size == result[axis] || size == 1 { continue }
            guard result[axis] == 1 else { return nil }
            result[axis] = size
        }
    }
    return result
}
