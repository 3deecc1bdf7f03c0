import ModelBundle
import Tensors

/// `Resize` and `Upsample`: nearest and linear, any rank, with ONNX's coordinate transformations.
///
/// Separable: each output position along an axis is a weighted sum of at most two input positions, known at load.
struct ResizeOperator: Operator {
    static let names = ["Resize", "Upsample"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0)
        return [try node.makeType(try Self.scales(node).sizes, type.elementType)]
    }

    private static func floats(_ node: NodeContext, _ index: Int) throws(InferenceError) -> [Float]? {
        guard node.hasInput(index), try node.type(index).count > 0 else { return nil }
        let tensor = try node.constant(index)
        guard tensor.elementType == .float32 else { throw node.malformed("input \(index) holds \(tensor.elementType), expected float32") }
        return tensor.values(as: Float.self)
    }

    private static func scales(_ node: NodeContext) throws(InferenceError) -> (scales: [Float], sizes: [Int]) {
        let shape = try node.shape(0)
        if node.operation == "Resize", node.opset >= 11, node.hasInput(3), try node.type(3).count > 0 {
            var sizes = try node.constantInts(3)
            if let given = try node.ints("axes") {
                let axes = try node.axes(given, rank: shape.count)
                guard axes.count == sizes.count else { throw node.malformed("\(sizes.count) sizes for \(axes.count) axes") }
                var all = shape
                for (position, axis) in axes.enumerated() { all[axis] = sizes[position] }
                sizes = all
            }
            guard try node.string("keep_aspect_ratio_policy", default: "stretch") == "stretch" else { throw node.unsupported("keep_aspect_ratio_policy") }
            guard sizes.count == shape.count, sizes.allSatisfy({ $0 >= 0 }) else { throw node.malformed("sizes \(sizes) for shape \(shape)") }
            return (zip(sizes, shape).map { Float($0) / Float(max($1, 1)) }, sizes)
        }
        let index = node.operation == "Upsample" || node.opset < 11 ? 1 : 2
        var scales: [Float]
        if node.operation == "Upsample", case .floats(let values)? = node.attributes["scales"] {
            scales = values
        } else if let values = try floats(node, index) {
            scales = values
        } else {
            throw node.malformed("neither scales nor sizes")
        }
        if let given = try node.ints("axes") {
            let axes = try node.axes(given, rank: shape.count)
            guard axes.count == scales.count else { throw node.malformed("\(scales.count) scales for \(axes.count) axes") }
            var all = [Float](repeating: 1, count: shape.count)
            for (position, axis) in axes.enumerated() { all[axis] = scales[position] }
            scales = all
        }
        guard scales.count == shape.count, scales.allSatisfy({ $0 > 0 && $0 <= 65536 }) else { throw node.malformed("scales \(scales) for shape \(shape)") }
        return (scales, zip(shape, scales).map { Int(Float($0) * $1) })
    }

    /// For each output position of an axis: the two input positions and the weight of the second.
    private struct Taps {
        var first: [Int] = []
        var second: [Int] = []
        var weight: [Float] = []
    }

    private static func taps(_ node: NodeContext, size: Int, output: Int, scale: Float) throws(InferenceError) -> Taps {
        let mode = try node.string("mode", default: "nearest")
        let transformation = try node.string("coordinate_transformation_mode", default: node.opset < 11 ? "asymmetric" : "half_pixel")
        let rounding = try node.string("nearest_mode", default: node.opset < 11 ? "floor" : "round_prefer_floor")
        var taps = Taps()
        for position in 0..<output {
            var x: Float
            let p = Float(position)
            switch transformation {
            case "half_pixel": x = (p + 0.5) / scale - 0.5
            case "half_pixel_symmetric":
                let adjustment = Float(output) / (scale * Float(size))
                x = Float(size) / 2 * (1 - adjustment) + (p + 0.5) / scale - 0.5
            case "pytorch_half_pixel": x = output > 1 ? (p + 0.5) / scale - 0.5 : 0
            case "align_corners": x = output > 1 ? p * Float(size - 1) / Float(output - 1) : 0
            case "asymmetric": x = p / scale
            default: throw node.unsupported("coordinate_transformation_mode '\(transformation)'")
            }
            if size == output && scale == 1 { x = p }
            func clamp(_ value: Float) -> Int { max(0, min(Int(max(min(value, 1e9), -1e9)), size - 1)) }
            if mode == "nearest" {
                let rounded: Float
                switch rounding {
                case "round_prefer_floor": rounded = (x - 0.5).rounded(.up)
                case "round_prefer_ceil": rounded = (x + 0.5).rounded(.down)
                case "floor": rounded = x.rounded(.down)
                case "ceil": rounded = x.rounded(.up)
                default: throw node.unsupported("nearest_mode '\(rounding)'")
                }
                taps.first.append(clamp(rounded))
                taps.second.append(clamp(rounded))
                taps.weight.append(0)
            } else if mode == "linear" || mode == "bilinear" {
                x = max(0, min(x, Float(size - 1)))
                let low = clamp(x.rounded(.down))
                taps.first.append(low)
                taps.second.append(min(low + 1, size - 1))
                taps.weight.append(x - Float(low))
            } else {
                throw node.unsupported("mode '\(mode)'")
            }
        }
        return taps
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let type = try node.type(0)
        let (scales, sizes) = try Self.scales(node)
        if sizes == type.shape { return Kernel(.view(ofInput: 0)) }
        guard type.count > 0 else { throw node.malformed("resizes an empty value of shape \(type.shape)") }
        var axes: [Taps] = []
        for axis in sizes.indices { axes.append(try Self.taps(node, size: type.shape[axis], output: sizes[axis], scale: scales[axis])) }
        let isNearest = try node.string("mode", default: "nearest") == "nearest"
        guard isNearest || type.elementType == .float32 else { throw node.unsupported("linear resize of \(type.elementType)") }
        let strides = type.shape.rowMajorStrides
        let elementSize = type.elementType.size
        // Trailing axes that stay as they are move in one piece.
        var changed = sizes.count
        while changed > 0 && sizes[changed - 1] == type.shape[changed - 1] && scales[changed - 1] == 1 { changed -= 1 }
        let piece = sizes.dropFirst(changed).reduce(1, *)
        let map = axes
        if isNearest {
            return Kernel { arguments in
                let x = unsafe arguments.inputPointer(0, as: UInt8.self)
                var y = unsafe arguments.outputPointer(0, as: UInt8.self)
                func walk(_ axis: Int, _ offset: Int) {
                    guard axis < changed else {
                        unsafe y.update(from: x + offset * elementSize, count: piece * elementSize)
                        unsafe y += piece * elementSize
                        return
                    }
                    let stride = strides[axis]
                    if axis == changed - 1 && piece == 1 && elementSize == 4 {
                        // Single floats: one loop over the row.
                        let source = unsafe UnsafeRawPointer(x + offset * 4).assumingMemoryBound(to: Float.self)
                        let target = unsafe UnsafeMutableRawPointer(y).assumingMemoryBound(to: Float.self)
                        var index = 0
                        for position in map[axis].first {
                            unsafe target[index] = unsafe source[position * stride]
                            index += 1
                        }
                        unsafe y += 4 * index
                        return
                    }
                    for position in map[axis].first { walk(axis + 1, offset + position * stride) }
                }
                walk(0, 0)
            }
        }
        return Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: Float.self)
            var y = unsafe arguments.outputPointer(0, as: Float.self)
            // Sum over the corners, the first axis outermost.
            func corner(_ axis: Int, _ offset: Int, _ index: Span<Int>) -> Float {
                guard axis < changed else { return unsafe x[offset] }
                let position = index[axis]
                let weight = map[axis].weight[position]
                let first = corner(axis + 1, offset + map[axis].first[position] * strides[axis], index)
                if weight == 0 { return first }
                let second = corner(axis + 1, offset + map[axis].second[position] * strides[axis], index)
                return first + (second - first) * weight
            }
            func walk(_ axis: Int, _ index: inout MutableSpan<Int>) {
                guard axis < changed else {
                    for element in 0..<piece {
                        unsafe y[element] = corner(0, element, index.span)
                    }
                    unsafe y += piece
                    return
                }
                for position in map[axis].first.indices {
                    index[axis] = position
                    walk(axis + 1, &index)
                }
            }
            var index = InlineArray<16, Int>(repeating: 0)
            var span = index.mutableSpan
            walk(0, &span)
        }
    }
}
