import CTorch
import ModelBundle
import Tensors

extension OperatorTable {
    static let resizing: [String: Evaluation] = ["Resize": resize, "Upsample": resize]

    /// `Resize` and `Upsample`: nearest, linear and cubic (Keys 1981), any rank. Separable: along each axis a selection (nearest), or a product with a
    /// matrix [outputs, inputs] of weights.
    @Sendable private static func resize(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let resizing = try Resizing(node, x)
        if resizing.sizes == x.shape && resizing.regions == nil { return [x] }
        guard x.count > 0 else { throw node.malformed("resizes an empty value of shape \(x.shape)") }
        if let factors = resizing.wholeFactors(x.shape) { return [try x.interpolated(CTORCH_NEAREST, factors)] }
        var y = x
        var isOutside = [[Bool]]()
        for axis in x.shape.indices {
            let taps = try resizing.taps(axis)
            isOutside.append(taps.isOutside)
            if taps.isIdentity { continue }
            if taps.weights.isEmpty {
                y = try y.selected(axis, TorchTensor(taps.positions.map { Int64($0) }, shape: [taps.positions.count], device: x.device))
            } else {
                let matrix = try TorchTensor(taps.weights, shape: [resizing.sizes[axis], x.shape[axis]]).converted(to: x.elementType, device: x.device)
                let order = x.shape.indices.filter { $0 != axis } + [axis]
                let back = x.shape.indices.map { order.firstIndex(of: $0) ?? 0 }
                y = try y.permuted(order).matmul(matrix.transposed()).permuted(back)
            }
        }
        if isOutside.contains(where: { $0.contains(true) }) {
            let fill = try TorchTensor.full([], node.float("extrapolation_value", default: 0), x.elementType, device: x.device)
            for (axis, outside) in isOutside.enumerated() where outside.contains(true) {
                var shape = [Int](repeating: 1, count: x.rank)
                shape[axis] = outside.count
                let mask = try TorchTensor(outside.map { $0 ? UInt8(1) : 0 }, shape: shape, device: x.device).converted(to: .bool)
                y = try mask.selecting(fill, else: y)
            }
        }
        return [x.isChannelsLast ? try y.converted(layout: .channelsLast) : y]
    }
}

/// Sizes and weights of one resize, in single precision where ONNX's other executors compute in it.
private struct Resizing {
    let node: NodeCall
    let shape: [Int]
    let sizes: [Int]
    let scales: [Float]
    let regions: [(start: Float, end: Float)]?
    let mode: String, transformation: String, rounding: String
    let cubic: Float
    let isSmoothed: Bool, excludesOutside: Bool

    struct Taps {
        var isIdentity = false
        var positions: [Int] = []
        /// [outputs, inputs]; empty where ``positions`` are selected.
        var weights: [Double] = []
        var isOutside: [Bool] = []
    }

    init(_ node: NodeCall, _ x: TorchTensor) throws {
        self.node = node
        let shape = x.shape
        self.shape = shape
        let given = try node.string("mode", default: "nearest")
        mode = given == "bilinear" ? "linear" : given
        guard ["nearest", "linear", "cubic"].contains(mode) else { throw node.unsupported("mode '\(mode)'") }
        transformation = try node.string("coordinate_transformation_mode", default: node.opset < 11 ? "asymmetric" : "half_pixel")
        rounding = try node.string("nearest_mode", default: node.opset < 11 ? "floor" : "round_prefer_floor")
        cubic = Float(try node.float("cubic_coeff_a", default: -0.75))
        isSmoothed = try node.int("antialias", default: 0) != 0
        excludesOutside = try node.int("exclude_outside", default: 0) != 0
        let axes = try node.axes(node.ints("axes") ?? Array(shape.indices), rank: shape.count)
        var scales = [Float](repeating: 1, count: shape.count), sizes = shape
        if node.operation == "Resize", node.opset >= 11, let wanted = try node.numbers(3)?.map({ Int($0) }) {
            guard wanted.count == axes.count, wanted.allSatisfy({ $0 >= 0 }) else { throw node.malformed("sizes \(wanted) for axes \(axes) of shape \(shape)") }
            let policy = try node.string("keep_aspect_ratio_policy", default: "stretch")
            let ratios = zip(axes, wanted).map { Float($1) / Float(max(shape[$0], 1)) }
            let common = policy == "not_larger" ? ratios.min() : policy == "not_smaller" ? ratios.max() : nil
            for (position, axis) in axes.enumerated() {
                scales[axis] = common ?? ratios[position]
                sizes[axis] = common.map { Int((Float(shape[axis]) * $0 + 0.5).rounded(.down)) } ?? wanted[position]
            }
        } else {
            let index = node.operation == "Upsample" || node.opset < 11 ? 1 : 2
            var wanted: [Float]? = try node.numbers(index).map { $0.map { Float($0) } }
            if case .floats(let own)? = node.node.attributes["scales"] { wanted = own }
            guard let wanted, wanted.count == axes.count, wanted.allSatisfy({ $0 > 0 && $0 <= 65536 }) else {
                throw node.malformed("neither sizes nor a scale for each of the axes \(axes) of shape \(shape)")
            }
            for (position, axis) in axes.enumerated() {
                scales[axis] = wanted[position]
                sizes[axis] = Int(Float(shape[axis]) * wanted[position])
            }
        }
        (self.scales, self.sizes) = (scales, sizes)
        if transformation == "tf_crop_and_resize" {
            guard let roi = try node.numbers(1), roi.count == 2 * axes.count else { throw node.malformed("tf_crop_and_resize without a region for each axis") }
            var all = [(start: Float, end: Float)](repeating: (0, 1), count: shape.count)
            for (position, axis) in axes.enumerated() { all[axis] = (Float(roi[position]), Float(roi[axes.count + position])) }
            regions = all
        } else {
            regions = nil
        }
    }

    /// The spatial sizes, where pictures grow by whole factors and each pixel becomes a block.
    func wholeFactors(_ shape: [Int]) -> [Int]? {
        guard mode == "nearest", transformation == "asymmetric", rounding == "floor", (3...5).contains(shape.count), scales[0] == 1, scales[1] == 1,
            zip(shape, sizes).allSatisfy({ $0 > 0 && $1 % $0 == 0 }), zip(zip(shape, sizes), scales).allSatisfy({ Float($0.1) == Float($0.0) * $1 })
        else { return nil }
        return Array(sizes.dropFirst(2))
    }

    /// The filter at a distance of `t` input positions: a triangle, or Keys' cubic.
    private func weight(_ t: Float) -> Float {
        let t = abs(t)
        if mode == "linear" { return max(0, 1 - t) }
        if t <= 1 { return ((cubic + 2) * t - (cubic + 3)) * t * t + 1 }
        return t < 2 ? ((cubic * t - 5 * cubic) * t + 8 * cubic) * t - 4 * cubic : 0
    }

    /// The input coordinate that an output position shows.
    private func coordinate(_ axis: Int, _ position: Int) throws -> Float {
        let p = Float(position), size = shape[axis], output = sizes[axis], scale = scales[axis]
        if let region = regions?[axis] {
            let last = Float(size - 1)
            return output > 1 ? region.start * last + p * (region.end - region.start) * last / Float(output - 1) : 0.5 * (region.start + region.end) * last
        }
        if size == output && scale == 1 { return p }
        switch transformation {
        case "half_pixel": return (p + 0.5) / scale - 0.5
        case "half_pixel_symmetric": return Float(size) / 2 * (1 - Float(output) / (scale * Float(size))) + (p + 0.5) / scale - 0.5
        case "pytorch_half_pixel": return output > 1 ? (p + 0.5) / scale - 0.5 : 0
        case "align_corners": return output > 1 ? p * Float(size - 1) / Float(output - 1) : 0
        case "asymmetric": return p / scale
        default: throw node.unsupported("coordinate_transformation_mode '\(transformation)'")
        }
    }

    func taps(_ axis: Int) throws -> Taps {
        var taps = Taps()
        let size = shape[axis], output = sizes[axis]
        if regions == nil, size == output, scales[axis] == 1 {
            taps.isIdentity = true
            return taps
        }
        let stretch = isSmoothed ? min(scales[axis], 1) : 1
        let first = 1 - Int((Float(mode == "cubic" ? 2 : 1) / stretch).rounded(.up)), width = 2 - 2 * first
        let isSelection = mode == "nearest" || (size == 1 && !excludesOutside)
        if !isSelection { taps.weights = [Double](repeating: 0, count: size * output) }
        for position in 0..<output {
            let x = try coordinate(axis, position)
            if regions != nil { taps.isOutside.append(x < 0 || x > Float(size - 1)) }
            if isSelection {
                let rounded: Float
                switch rounding {
                case "round_prefer_floor": rounded = (x - 0.5).rounded(.up)
                case "round_prefer_ceil": rounded = (x + 0.5).rounded(.down)
                case "floor": rounded = x.rounded(.down)
                case "ceil": rounded = x.rounded(.up)
                default: throw node.unsupported("nearest_mode '\(rounding)'")
                }
                taps.positions.append(max(0, min(Int(rounded), size - 1)))
                continue
            }
            let base = Int(x.rounded(.down))
            var weights: [Float] = [], places: [Int] = []
            for offset in first..<first + width {
                let place = base + offset
                weights.append(excludesOutside && !(0..<size).contains(place) ? 0 : weight((Float(place) - x) * stretch))
                places.append(max(0, min(place, size - 1)))
            }
            let sum = weights.reduce(0, +)
            let scale = (excludesOutside || isSmoothed) && sum != 0 ? 1 / sum : 1
            for (place, weight) in zip(places, weights) { taps.weights[position * size + place] += Double(weight * scale) }
        }
        return taps
    }
}
