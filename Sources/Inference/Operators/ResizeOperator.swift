import ModelBundle
import Tensors

/// `Resize` and `Upsample`: nearest, linear and cubic (Keys 1981), any rank, with ONNX's coordinate transformations.
///
/// Separable: each output position along an axis is a weighted sum of input positions, all known at load.
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
            let axes = try node.axes(node.ints("axes") ?? Array(shape.indices), rank: shape.count)
            guard axes.count == sizes.count, sizes.allSatisfy({ $0 >= 0 }) else { throw node.malformed("sizes \(sizes) for axes \(axes) of shape \(shape)") }
            let policy = try node.string("keep_aspect_ratio_policy", default: "stretch")
            if policy != "stretch" {
                let ratios = zip(axes, sizes).map { Float($1) / Float(max(shape[$0], 1)) }
                guard policy == "not_larger" || policy == "not_smaller", let ratio = policy == "not_larger" ? ratios.min() : ratios.max() else {
                    throw node.malformed("keep_aspect_ratio_policy '\(policy)' for \(axes.count) axes")
                }
                sizes = axes.map { Int((Float(shape[$0]) * ratio + 0.5).rounded(.down)) }
                var scales = [Float](repeating: 1, count: shape.count)
                for axis in axes { scales[axis] = ratio }
                return (scales, Self.placed(sizes, axes, in: shape))
            }
            let all = Self.placed(sizes, axes, in: shape)
            return (zip(all, shape).map { Float($0) / Float(max($1, 1)) }, all)
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
            scales = Self.placed(scales, axes, in: [Float](repeating: 1, count: shape.count))
        }
        guard scales.count == shape.count, scales.allSatisfy({ $0 > 0 && $0 <= 65536 }) else { throw node.malformed("scales \(scales) for shape \(shape)") }
        return (scales, zip(shape, scales).map { Int(Float($0) * $1) })
    }

    private static func placed<V>(_ values: [V], _ axes: [Int], in all: [V]) -> [V] {
        var all = all
        for (position, axis) in axes.enumerated() { all[axis] = values[position] }
        return all
    }

    /// The part of each axis that `tf_crop_and_resize` shows, from 0 to 1; `nil` in the other modes.
    private static func regions(_ node: NodeContext) throws(InferenceError) -> [(start: Float, end: Float)]? {
        guard try node.string("coordinate_transformation_mode", default: "half_pixel") == "tf_crop_and_resize" else { return nil }
        let rank = try node.type(0).rank
        let axes = try node.axes(node.ints("axes") ?? Array(0..<rank), rank: rank)
        guard let roi = try floats(node, 1), roi.count == 2 * axes.count, roi.allSatisfy({ abs($0) < 1e6 }) else {
            throw node.malformed("tf_crop_and_resize without two sensible numbers of roi for each of \(axes.count) axes")
        }
        var regions = [(start: Float, end: Float)](repeating: (0, 1), count: rank)
        for (position, axis) in axes.enumerated() { regions[axis] = (roi[position], roi[axes.count + position]) }
        return regions
    }

    /// For each output position of an axis, `width` input positions and their weights.
    private struct Taps {
        var width = 1
        var positions: [Int] = []
        var weights: [Float] = []
        /// Output positions that show the extrapolation value; empty where none does.
        var isOutside: [Bool] = []

        var count: Int { positions.count / width }
    }

    /// What decides the weights, besides the axis.
    private struct Interpolation {
        let mode: String, transformation: String, rounding: String
        let cubic: Float
        let isSmoothed: Bool, excludesOutside: Bool

        init(_ node: NodeContext) throws(InferenceError) {
            let given = try node.string("mode", default: "nearest")
            mode = given == "bilinear" ? "linear" : given
            guard ["nearest", "linear", "cubic"].contains(mode) else { throw node.unsupported("mode '\(mode)'") }
            transformation = try node.string("coordinate_transformation_mode", default: node.opset < 11 ? "asymmetric" : "half_pixel")
            rounding = try node.string("nearest_mode", default: node.opset < 11 ? "floor" : "round_prefer_floor")
            cubic = try node.float("cubic_coeff_a", default: -0.75)
            isSmoothed = try node.int("antialias", default: 0) != 0
            excludesOutside = try node.int("exclude_outside", default: 0) != 0
        }

        /// The filter at a distance of `t` input positions: a triangle, or Keys' cubic.
        func weight(_ t: Float) -> Float {
            let t = abs(t)
            if mode == "linear" { return max(0, 1 - t) }
            if t <= 1 { return ((cubic + 2) * t - (cubic + 3)) * t * t + 1 }
            return t < 2 ? ((cubic * t - 5 * cubic) * t + 8 * cubic) * t - 4 * cubic : 0
        }

        /// The input coordinate that an output position shows.
        func coordinate(_ node: NodeContext, _ position: Int, size: Int, output: Int, scale: Float, region: (start: Float, end: Float)?) throws(InferenceError) -> Float {
            let p = Float(position)
            if let region {
                let last = Float(size - 1)
                return output > 1
                    ? region.start * last + p * (region.end - region.start) * last / Float(output - 1) : 0.5 * (region.start + region.end) * last
            }
            if size == output && scale == 1 { return p }
            switch transformation {
            case "half_pixel": return (p + 0.5) / scale - 0.5
            case "half_pixel_symmetric":
                let adjustment = Float(output) / (scale * Float(size))
                return Float(size) / 2 * (1 - adjustment) + (p + 0.5) / scale - 0.5
            case "pytorch_half_pixel": return output > 1 ? (p + 0.5) / scale - 0.5 : 0
            case "align_corners": return output > 1 ? p * Float(size - 1) / Float(output - 1) : 0
            case "asymmetric": return p / scale
            default: throw node.unsupported("coordinate_transformation_mode '\(transformation)'")
            }
        }
    }

    private static func taps(
        _ node: NodeContext, _ interpolation: Interpolation, size: Int, output: Int, scale: Float, region: (start: Float, end: Float)?
    ) throws(InferenceError) -> Taps {
        var taps = Taps()
        // A smaller picture sees the filter stretched.
        let stretch = interpolation.isSmoothed ? min(scale, 1) : 1
        let reach = interpolation.mode == "cubic" ? 2 : 1
        let first = 1 - Int((Float(reach) / stretch).rounded(.up))
        if interpolation.mode != "nearest", size > 1 || interpolation.excludesOutside { taps.width = 2 - 2 * first }
        for position in 0..<output {
            let x = try interpolation.coordinate(node, position, size: size, output: output, scale: scale, region: region)
            guard abs(x) < 1e9 else { throw node.malformed("output position \(position) shows input position \(x)") }
            if region != nil { taps.isOutside.append(x < 0 || x > Float(size - 1)) }
            if taps.width == 1 {
                let rounded: Float
                switch interpolation.rounding {
                case "round_prefer_floor": rounded = (x - 0.5).rounded(.up)
                case "round_prefer_ceil": rounded = (x + 0.5).rounded(.down)
                case "floor": rounded = x.rounded(.down)
                case "ceil": rounded = x.rounded(.up)
                case let rounding: throw node.unsupported("nearest_mode '\(rounding)'")
                }
                taps.positions.append(max(0, min(Int(rounded), size - 1)))
                taps.weights.append(1)
                continue
            }
            let base = Int(x.rounded(.down))
            var weights: [Float] = []
            for offset in first..<first + taps.width {
                let place = base + offset
                let isInside = place >= 0 && place < size
                weights.append(interpolation.excludesOutside && !isInside ? 0 : interpolation.weight((Float(place) - x) * stretch))
                taps.positions.append(max(0, min(place, size - 1)))
            }
            let sum = weights.reduce(0, +)
            let isRescaled = (interpolation.excludesOutside || interpolation.isSmoothed) && sum != 0
            taps.weights += isRescaled ? weights.map { $0 / sum } : weights
        }
        return taps
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let type = try node.type(0)
        let (scales, sizes) = try Self.scales(node)
        let regions = try Self.regions(node)
        if sizes == type.shape && regions == nil { return Kernel(.view(ofInput: 0)) }
        guard type.count > 0 else { throw node.malformed("resizes an empty value of shape \(type.shape)") }
        if node.outputs[0].count == 0 { return Kernel { _ in } }
        let interpolation = try Interpolation(node)
        let isNearest = interpolation.mode == "nearest"
        guard type.elementType == .float32 || (isNearest && regions == nil) else { throw node.unsupported("\(interpolation.mode) resize of \(type.elementType)") }
        var axes: [Taps] = []
        for axis in sizes.indices {
            axes.append(
                try Self.taps(node, interpolation, size: type.shape[axis], output: sizes[axis], scale: scales[axis], region: regions?[axis]))
        }
        let strides = type.shape.rowMajorStrides
        // Trailing axes that stay as they are move in one piece.
        var changed = sizes.count
        if regions == nil {
            while changed > 0 && sizes[changed - 1] == type.shape[changed - 1] && scales[changed - 1] == 1 { changed -= 1 }
        }
        let piece = sizes.dropFirst(changed).reduce(1, *)
        axes.removeSubrange(changed...)
        return isNearest && regions == nil
            ? Self.nearest(axes, strides: strides, piece: piece, elementSize: type.elementType.size)
            : Self.weighted(axes, strides: strides, piece: piece, fill: try node.float("extrapolation_value", default: 0))
    }

    private static func nearest(_ axes: [Taps], strides: [Int], piece: Int, elementSize: Int) -> Kernel {
        Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: UInt8.self)
            var y = unsafe arguments.outputPointer(0, as: UInt8.self)
            func walk(_ axis: Int, _ offset: Int) {
                guard axis < axes.count else {
                    unsafe y.update(from: x + offset * elementSize, count: piece * elementSize)
                    unsafe y += piece * elementSize
                    return
                }
                let stride = strides[axis]
                if axis == axes.count - 1 && piece == 1 && elementSize == 4 {
                    // Single floats: one loop over the row.
                    let source = unsafe UnsafeRawPointer(x + offset * 4).assumingMemoryBound(to: Float.self)
                    let target = unsafe UnsafeMutableRawPointer(y).assumingMemoryBound(to: Float.self)
                    var index = 0
                    for position in axes[axis].positions {
                        unsafe target[index] = unsafe source[position * stride]
                        index += 1
                    }
                    unsafe y += 4 * index
                    return
                }
                for position in axes[axis].positions { walk(axis + 1, offset + position * stride) }
            }
            walk(0, 0)
        }
    }

    private static func weighted(_ axes: [Taps], strides: [Int], piece: Int, fill: Float) -> Kernel {
        Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: Float.self)
            var y = unsafe arguments.outputPointer(0, as: Float.self)
            // Sum over the corners, the first axis outermost.
            func corner(_ axis: Int, _ offset: Int, _ index: Span<Int>) -> Float {
                guard axis < axes.count else { return unsafe x[offset] }
                let width = axes[axis].width
                var sum: Float = 0
                for tap in index[axis] * width..<(index[axis] + 1) * width where axes[axis].weights[tap] != 0 {
                    sum += axes[axis].weights[tap] * corner(axis + 1, offset + axes[axis].positions[tap] * strides[axis], index)
                }
                return sum
            }
            func walk(_ axis: Int, _ isOutside: Bool, _ index: inout MutableSpan<Int>) {
                guard axis < axes.count else {
                    for element in 0..<piece { unsafe y[element] = isOutside ? fill : corner(0, element, index.span) }
                    unsafe y += piece
                    return
                }
                for position in 0..<axes[axis].count {
                    index[axis] = position
                    walk(axis + 1, isOutside || (!axes[axis].isOutside.isEmpty && axes[axis].isOutside[position]), &index)
                }
            }
            var index = InlineArray<16, Int>(repeating: 0)
            var span = index.mutableSpan
            walk(0, false, &span)
        }
    }
}
