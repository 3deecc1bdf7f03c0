public import Foundation
import ONNXProtobuf
import SwiftProtobuf
import Tensors

extension Graph {
    /// The graph as an ONNX model, which ordinary ONNX tools and ``init(onnx:)`` read. The same graph gives the same bytes: initialisers and attributes
    /// are written in the order of their names.
    ///
    /// - Throws: ``ONNXError`` where the model would be larger than a protocol-buffer file can be (2 GiB), or than ``maximumFileSize``.
    public func onnx() throws(ONNXError) -> Data {
        var model = Onnx_ModelProto()
        model.irVersion = irVersion
        model.producerName = "fwoc"
        var domains: Set<String> = []
        collectDomains(into: &domains)
        for domain in [""] + domains.sorted() {
            var set = Onnx_OperatorSetIdProto()
            set.domain = domain
            set.version = domain.isEmpty ? Int64(opset) : 1
            model.opsetImport.append(set)
        }
        model.graph = message
        do {
            let data: Data = try model.serializedBytes()
            guard data.count <= Self.maximumFileSize else {
                throw ONNXError(.unsupported, "graph '\(name)' takes \(data.count) bytes; at most \(Self.maximumFileSize) are written")
            }
            return data
        } catch let error as ONNXError {
            throw error
        } catch {
            throw ONNXError(.unsupported, "graph '\(name)' cannot be written: \(error)")
        }
    }

    /// Writes the graph as an ONNX model file, whole or not at all: an existing file is replaced when the new one is complete.
    public func write(onnxFile url: URL) throws(ONNXError) {
        let data = try onnx()
        do {
            try data.write(to: url, options: .atomic)
        } catch {
            throw ONNXError(.unwritable, "\(url.path): cannot be written: \(error.localizedDescription)")
        }
    }

    /// The format version that came with the operator set: what any tool that knows the operators can read.
    private var irVersion: Int64 {
        switch opset {
        case ..<9: 3
        case 9: 4
        case 10: 5
        case 11: 6
        case 12...14: 7
        case 15...18: 8
        case 19...20: 9
        case 21...22: 10
        default: 11
        }
    }

    private func collectDomains(into domains: inout Set<String>) {
        for node in nodes {
            if !node.domain.isEmpty { domains.insert(node.domain) }
            for case .graph(let inner) in node.attributes.values { inner.collectDomains(into: &domains) }
        }
    }

    private var message: Onnx_GraphProto {
        var proto = Onnx_GraphProto()
        proto.name = name.isEmpty ? "graph" : name
        proto.input = inputs.map(\.message)
        proto.output = outputs.map(\.message)
        proto.initializer = initializers.sorted { $0.key < $1.key }.map { $0.value.message(name: $0.key) }
        proto.node = nodes.map { node in
            var message = Onnx_NodeProto()
            message.opType = node.operation
            if !node.domain.isEmpty { message.domain = node.domain }
            message.name = node.name
            message.input = node.inputs
            message.output = node.outputs
            message.attribute = node.attributes.sorted { $0.key < $1.key }.map { Self.message($0.key, $0.value) }
            return message
        }
        return proto
    }

    private static func message(_ name: String, _ attribute: Attribute) -> Onnx_AttributeProto {
        var proto = Onnx_AttributeProto()
        proto.name = name
        switch attribute {
        case .int(let value): (proto.type, proto.i) = (.int, Int64(value))
        case .float(let value): (proto.type, proto.f) = (.float, value)
        case .string(let value): (proto.type, proto.s) = (.string, Data(value.utf8))
        case .tensor(let value): (proto.type, proto.t) = (.tensor, value.message(name: ""))
        case .graph(let value): (proto.type, proto.g) = (.graph, value.message)
        case .ints(let values): (proto.type, proto.ints) = (.ints, values.map { Int64($0) })
        case .floats(let values): (proto.type, proto.floats) = (.floats, values)
        case .strings(let values): (proto.type, proto.strings) = (.strings, values.map { Data($0.utf8) })
        }
        return proto
    }
}

extension ValueInfo {
    fileprivate var message: Onnx_ValueInfoProto {
        var proto = Onnx_ValueInfoProto()
        proto.name = name
        var tensor = Onnx_TypeProto.Tensor()
        tensor.elemType = Int32(elementType.onnx.rawValue)
        if let shape {
            tensor.shape.dim = shape.map { dimension in
                var message = Onnx_TensorShapeProto.Dimension()
                switch dimension {
                case .fixed(let size): message.dimValue = Int64(size)
                case .free(let name): if !name.isEmpty { message.dimParam = name }
                }
                return message
            }
            // A scalar has a shape too, an empty one.
            if shape.isEmpty { tensor.shape = Onnx_TensorShapeProto() }
        }
        proto.type.tensorType = tensor
        return proto
    }
}

extension Tensor {
    fileprivate func message(name: String) -> Onnx_TensorProto {
        var proto = Onnx_TensorProto()
        proto.name = name
        proto.dims = shape.map { Int64($0) }
        proto.dataType = Int32(elementType.onnx.rawValue)
        proto.rawData = Data(bytes)
        return proto
    }
}

extension ElementType {
    fileprivate var onnx: Onnx_TensorProto.DataType {
        switch self {
        case .float32: .float
        case .float64: .double
        case .int8: .int8
        case .uint8: .uint8
        case .int16: .int16
        case .uint16: .uint16
        case .int32: .int32
        case .uint32: .uint32
        case .int64: .int64
        case .uint64: .uint64
        case .bool: .bool
        }
    }
}
