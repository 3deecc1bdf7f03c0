/// Walks two operands that are broadcast to one dense result, a run of elements at a time.
///
/// Prepared at load; a walk does not allocate.
struct BroadcastWalk {
    private var sizes: [Int] = []
    private var leftStrides: [Int] = []
    private var rightStrides: [Int] = []
    private let isEmpty: Bool

    init(_ left: [Int], _ right: [Int], to result: [Int]) {
        isEmpty = result.contains(0)
        let leftSteps = Self.strides(of: left, in: result)
        let rightSteps = Self.strides(of: right, in: result)
        for (axis, size) in result.enumerated() where size != 1 {
            if let last = sizes.indices.last, leftStrides[last] == leftSteps[axis] * size, rightStrides[last] == rightSteps[axis] * size {
                sizes[last] *= size
                leftStrides[last] = leftSteps[axis]
                rightStrides[last] = rightSteps[axis]
            } else {
                sizes.append(size)
                leftStrides.append(leftSteps[axis])
                rightStrides.append(rightSteps[axis])
            }
        }
    }

    /// Element steps of a shape along the axes of what it is broadcast to; 0 along stretched axes.
    static func strides(of shape: [Int], in result: [Int]) -> [Int] {
        let own = shape.rowMajorStrides
        let lead = result.count - shape.count
        return result.indices.map { axis in
            axis < lead || shape[axis - lead] == 1 ? 0 : own[axis - lead]
        }
    }

    /// Calls `body(left, leftStep, right, rightStep, result, count)` with element offsets for each run; steps are 0 or 1.
    func forEachRun(_ body: (Int, Int, Int, Int, Int, Int) -> Void) {
        if isEmpty { return }
        var result = 0
        walk(0, 0, 0, &result, body)
    }

    private func walk(_ axis: Int, _ left: Int, _ right: Int, _ result: inout Int, _ body: (Int, Int, Int, Int, Int, Int) -> Void) {
        guard axis < sizes.count else {
            body(left, 0, right, 0, result, 1)
            result += 1
            return
        }
        let size = sizes[axis]
        if axis == sizes.count - 1 {
            body(left, leftStrides[axis], right, rightStrides[axis], result, size)
            result += size
            return
        }
        for index in 0..<size {
            walk(axis + 1, left + index * leftStrides[axis], right + index * rightStrides[axis], &result, body)
        }
    }
}
