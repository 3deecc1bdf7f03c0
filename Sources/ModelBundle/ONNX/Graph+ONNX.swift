public import Foundation
import ONNXProtobuf
import SwiftProtobuf
import Tensors

extension Graph {
    /// Largest model file that is read, in bytes.
    public static let maximumFileSize = 1 << 30

    /// Reads an ONNX model file.
    ///
    /// Everything a file can claim is checked before it is believed: sizes against the bytes that are there, names against
    /// the values that exist. Weights must be inside the file; a path to external data is refused.
    public init(onnxFile url: URL) throws(ONNXError) {
        let data: Data
        do {
            data = try Data(contentsOf: url, options: .mappedIfSafe)
        } catch {
            throw ONNXError(.unreadable, "\(url.path): cannot be read: \(error.localizedDescription)")
        }
        do {
            try self.init(onnx: data)
        } catch {
            throw ONNXError(error.cause, "\(url.path): \(error.description)")
        }
    }

    /// Reads an ONNX model.
    public init(onnx data: Data) throws(ONNXError) {
        guard data.count <= Self.maximumFileSize else {
            throw ONNXError(.unsupported, "model of \(data.count) bytes; at most \(Self.maximumFileSize) are read")
        }
        let model: Onnx_ModelProto
        do {
            model = try Onnx_ModelProto(serializedBytes: data, partial: true)
        } catch {
            throw ONNXError(.malformed, "not an ONNX model: \(data.count) bytes that do not parse as one (\(error))")
        }
        guard model.hasGraph else {
            throw ONNXError(.malformed, "not an ONNX model: \(data.count) bytes without a graph")
        }
        guard model.functions.isEmpty else {
            throw ONNXError(.unsupported, "model-local function '\(model.functions[0].name)'; export the model with its functions inlined")
        }
        let opset = model.opsetImport.first { $0.domain.isEmpty || $0.domain == "ai.onnx" }?.version ?? 1
        guard (1...1000).contains(opset) else {
            throw ONNXError(.malformed, "operator set version \(opset)")
        }
        var importer = GraphImporter(opset: Int(opset))
        self = try importer.graph(model.graph, outer: [])
    }
}

/// Turns protocol-buffer messages into a ``Graph``, checking as it goes.
private struct GraphImporter {
    let opset: Int
    /// Over all nested graphs, so that nesting cannot multiply them.
    var nodeBudget = 200_000

    mutating func graph(_ proto: Onnx_GraphProto, outer: Set<String>) throws(ONNXError) -> Graph {
        guard proto.sparseInitializer.isEmpty else {
            throw ONNXError(.unsupported, "sparse initialiser in graph '\(proto.name)'")
        }
        var initializers: [String: Tensor] = [:]
        for tensor in proto.initializer {
            guard !tensor.name.isEmpty else { throw ONNXError(.malformed, "initialiser without a name in graph '\(proto.name)'") }
            guard initializers.updateValue(try self.tensor(tensor), forKey: tensor.name) == nil else {
                throw ONNXError(.malformed, "initialiser '\(tensor.name)' is given twice")
            }
        }
        var inputs: [ValueInfo] = []
        var known = outer.union(initializers.keys)
        var own = Set(initializers.keys)
        for value in proto.input where initializers[value.name] == nil {
            guard !value.name.isEmpty, own.insert(value.name).inserted else {
                throw ONNXError(.malformed, "graph input '\(value.name)' is unnamed or given twice")
            }
            known.insert(value.name)
            inputs.append(try valueInfo(value, typeRequired: true))
        }
        var nodes: [Node] = []
        nodes.reserveCapacity(proto.node.count)
        for (index, node) in proto.node.enumerated() {
            nodeBudget -= 1
            guard nodeBudget >= 0 else { throw ONNXError(.unsupported, "more than 200000 nodes") }
            let label = "node \(index) '\(node.name)' (\(node.opType))"
            for name in node.input where !name.isEmpty && !known.contains(name) {
                throw ONNXError(.malformed, "\(label) reads '\(name)', which nothing before it makes")
            }
            var attributes: [String: Attribute] = [:]
            for attribute in node.attribute {
                let value = try self.attribute(attribute, label: label, known: known)
                guard attributes.updateValue(value, forKey: attribute.name) == nil else {
                    throw ONNXError(.malformed, "\(label): attribute '\(attribute.name)' is given twice")
                }
            }
            for name in node.output where !name.isEmpty {
                guard own.insert(name).inserted else {
                    throw ONNXError(.malformed, "\(label) makes '\(name)', which exists already")
                }
                known.insert(name)
            }
            nodes.append(
                Node(
                    operation: node.opType, domain: node.domain == "ai.onnx" ? "" : node.domain, name: node.name,
                    inputs: node.input, outputs: node.output, attributes: attributes))
        }
        var outputs: [ValueInfo] = []
        for value in proto.output {
            guard known.contains(value.name) else {
                throw ONNXError(.malformed, "graph output '\(value.name)' is made by no node")
            }
            outputs.append(try valueInfo(value, typeRequired: false))
        }
        return Graph(
            name: proto.name, opset: opset, nodes: nodes, inputs: inputs, outputs: outputs, initializers: initializers)
    }

    private mutating func attribute(
        _ proto: Onnx_AttributeProto, label: String, known: Set<String>
    ) throws(ONNXError) -> Attribute {
        switch proto.type {
        case .int: return .int(Int(proto.i))
        case .float: return .float(proto.f)
        case .string: return .string(String(decoding: proto.s, as: UTF8.self))
        case .tensor: return .tensor(try tensor(proto.t))
        case .graph: return .graph(try graph(proto.g, outer: known))
        case .ints: return .ints(proto.ints.map { Int($0) })
        case .floats: return .floats(proto.floats)
        case .strings: return .strings(proto.strings.map { String(decoding: $0, as: UTF8.self) })
        default:
            throw ONNXError(.unsupported, "\(label): attribute '\(proto.name)' of type \(proto.type)")
        }
    }

    private func valueInfo(_ proto: Onnx_ValueInfoProto, typeRequired: Bool) throws(ONNXError) -> ValueInfo {
        guard case .tensorType(let tensor)? = proto.type.value, tensor.elemType != 0 else {
            // A nested graph may leave its outputs' types to inference.
            if !typeRequired && proto.type.value == nil { return ValueInfo(name: proto.name, elementType: .float32, shape: nil) }
            throw ONNXError(.unsupported, "'\(proto.name)' is not a tensor")
        }
        let type = try elementType(Int(tensor.elemType), of: proto.name)
        guard tensor.hasShape else { return ValueInfo(name: proto.name, elementType: type, shape: nil) }
        var shape: [ValueInfo.Dimension] = []
        for dimension in tensor.shape.dim {
            switch dimension.value {
            case .dimValue(let size)? where size >= 0: shape.append(.fixed(Int(size)))
            // Some exporters write −1 for a free dimension.
            case .dimValue?: shape.append(.free(""))
            case .dimParam(let name)?: shape.append(.free(name))
            case nil: shape.append(.free(""))
            }
        }
        return ValueInfo(name: proto.name, elementType: type, shape: shape)
    }

    private func elementType(_ code: Int, of name: String) throws(ONNXError) -> ElementType {
        switch Onnx_TensorProto.DataType(rawValue: code) {
        case .float: .float32
        case .double: .float64
        case .int8: .int8
        case .uint8: .uint8
        case .int16: .int16
        case .uint16: .uint16
        case .int32: .int32
        case .uint32: .uint32
        case .int64: .int64
        case .uint64: .uint64
        case .bool: .bool
        case let other: throw ONNXError(.unsupported, "'\(name)' has element type \(other.map { "\($0)" } ?? "number \(code)")")
        }
    }

    private func tensor(_ proto: Onnx_TensorProto) throws(ONNXError) -> Tensor {
        let type = try elementType(Int(proto.dataType), of: proto.name)
        guard proto.externalData.isEmpty, proto.dataLocation == .default else {
            throw ONNXError(.unsupported, "tensor '\(proto.name)' keeps its data outside the file; save the model as one file")
        }
        var count = 1
        var shape: [Int] = []
        for size in proto.dims {
            let (product, overflow) = count.multipliedReportingOverflow(by: Int(size))
            guard size >= 0, !overflow, product <= Graph.maximumFileSize else {
                throw ONNXError(.malformed, "tensor '\(proto.name)' has shape \(proto.dims)")
            }
            count = product
            shape.append(Int(size))
        }
        func checked(_ got: Int, _ expected: Int, _ unit: String) throws(ONNXError) {
            guard got == expected else {
                throw ONNXError(
                    .malformed,
                    "tensor '\(proto.name)' of shape \(shape) (\(type)) has \(got) \(unit), expected \(expected)")
            }
        }
        if proto.hasRawData {
            try checked(proto.rawData.count, count * type.size, "bytes")
            return Tensor(shape: shape, elementType: type, bytes: [UInt8](proto.rawData))
        }
        switch type {
        case .float32:
            try checked(proto.floatData.count, count, "elements")
            return Tensor(shape: shape, values: proto.floatData)
        case .float64:
            try checked(proto.doubleData.count, count, "elements")
            return Tensor(shape: shape, values: proto.doubleData)
        case .int64:
            try checked(proto.int64Data.count, count, "elements")
            return Tensor(shape: shape, values: proto.int64Data)
        case .uint64, .uint32:
            try checked(proto.uint64Data.count, count, "elements")
            return type == .uint64
                ? Tensor(shape: shape, values: proto.uint64Data)
                : Tensor(shape: shape, values: proto.uint64Data.map { UInt32(truncatingIfNeeded: $0) })
        case .int8, .uint8, .int16, .uint16, .int32, .bool:
            try checked(proto.int32Data.count, count, "elements")
            switch type {
            case .int32: return Tensor(shape: shape, values: proto.int32Data)
            case .int16: return Tensor(shape: shape, values: proto.int32Data.map { Int16(truncatingIfNeeded: $0) })
            case .uint16: return Tensor(shape: shape, values: proto.int32Data.map { UInt16(truncatingIfNeeded: $0) })
            default:
                return Tensor(shape: shape, elementType: type, bytes: proto.int32Data.map { UInt8(truncatingIfNeeded: $0) })
            }
        }
    }
}
