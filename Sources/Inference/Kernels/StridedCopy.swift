/// Copies elements from any stride pattern into a dense row-major target: transpose, slice, expand and concatenation are this.
///
/// Strides are in elements and may be zero (broadcast) or negative (reversed). Prepared at load; a run does not allocate.
struct StridedCopy {
    private var sizes: [Int]
    private var sourceStrides: [Int]
    private var targetStrides: [Int]
    private let sourceOffset: Int
    private let targetOffset: Int
    private let elementSize: Int
    private let isEmpty: Bool

    /// - Parameters:
    ///   - targetStrides: dense where `nil`.
    init(
        sizes: [Int], sourceStrides: [Int], sourceOffset: Int = 0, targetStrides: [Int]? = nil, targetOffset: Int = 0, elementSize: Int
    ) {
        isEmpty = sizes.contains(0)
        self.sourceOffset = sourceOffset
        self.targetOffset = targetOffset
        self.elementSize = elementSize
        self.sizes = []
        self.sourceStrides = []
        self.targetStrides = []
        let target = targetStrides ?? sizes.rowMajorStrides
        // Axes that are walked as one in both are one.
        for (axis, size) in sizes.enumerated() where size != 1 {
            if let last = self.sizes.indices.last, self.sourceStrides[last] == sourceStrides[axis] * size,
                self.targetStrides[last] == target[axis] * size
            {
                self.sizes[last] *= size
                self.sourceStrides[last] = sourceStrides[axis]
                self.targetStrides[last] = target[axis]
            } else {
                self.sizes.append(size)
                self.sourceStrides.append(sourceStrides[axis])
                self.targetStrides.append(target[axis])
            }
        }
    }

    /// Rows and columns where this is a plain matrix transposition, repeated `batch` times.
    var matrixTransposition: (batch: Int, rows: Int, columns: Int)? {
        guard sourceOffset == 0, targetOffset == 0, sizes.count == 2 || sizes.count == 3 else { return nil }
        let rows = sizes[sizes.count - 1], columns = sizes[sizes.count - 2]
        guard sourceStrides.suffix(2) == [1, columns], targetStrides.suffix(2) == [rows, 1] else { return nil }
        if sizes.count == 3 {
            guard sourceStrides[0] == rows * columns, targetStrides[0] == rows * columns else { return nil }
            return (sizes[0], rows, columns)
        }
        return (1, rows, columns)
    }

    @unsafe func run(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        guard !isEmpty else { return }
        let source = unsafe source + sourceOffset * elementSize
        let target = unsafe target + targetOffset * elementSize
        switch elementSize {
        case 1: unsafe copy(0, source.assumingMemoryBound(to: UInt8.self), target.assumingMemoryBound(to: UInt8.self))
        case 2: unsafe copy(0, source.assumingMemoryBound(to: UInt16.self), target.assumingMemoryBound(to: UInt16.self))
        case 4: unsafe copy(0, source.assumingMemoryBound(to: UInt32.self), target.assumingMemoryBound(to: UInt32.self))
        default: unsafe copy(0, source.assumingMemoryBound(to: UInt64.self), target.assumingMemoryBound(to: UInt64.self))
        }
    }

    private func copy<E: BitwiseCopyable>(_ axis: Int, _ source: UnsafePointer<E>, _ target: UnsafeMutablePointer<E>) {
        guard axis < sizes.count else {
            unsafe target.pointee = source.pointee
            return
        }
        let size = sizes[axis], sourceStride = sourceStrides[axis], targetStride = targetStrides[axis]
        if axis == sizes.count - 1 {
            if sourceStride == 1 && targetStride == 1 {
                unsafe target.update(from: source, count: size)
            } else {
                for index in 0..<size { unsafe target[index * targetStride] = unsafe source[index * sourceStride] }
            }
            return
        }
        for index in 0..<size {
            unsafe copy(axis + 1, source + index * sourceStride, target + index * targetStride)
        }
    }
}
