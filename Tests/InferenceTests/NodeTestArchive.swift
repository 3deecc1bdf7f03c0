import Foundation
import Inference
import ModelBundle
import Tensors

/// ONNX's own backend tests, packed by `Fixtures/onnx-node-tests/make.py`, which documents the format.
struct NodeTestArchive {
    struct Piece: Decodable {
        let offset: Int, length: Int
    }

    struct TensorPiece: Decodable {
        let name: String, shape: [Int], offset: Int, length: Int
    }

    struct Case: Decodable {
        let name: String
        let suite: String
        /// The operator that the case is for.
        let `operator`: String
        let opset: Int
        let required: Bool
        let rtol: Double, atol: Double
        let model: Piece
        let inputs: [TensorPiece], outputs: [TensorPiece]
    }

    /// Cases that the engine does not pass, by choice.
    struct Exclusion: Decodable {
        let reason: String
        let cases: [String]
    }

    private struct Index: Decodable {
        let cases: [Case]
    }

    let cases: [Case]
    let exclusions: [Exclusion]
    private let bytes: Data

    /// - Parameter folder: `Fixtures/onnx-node-tests`.
    init(folder: URL) throws {
        let decoder = JSONDecoder()
        cases = try decoder.decode(Index.self, from: Data(contentsOf: folder.appendingPathComponent("index.json"))).cases
        exclusions = try decoder.decode([Exclusion].self, from: Data(contentsOf: folder.appendingPathComponent("exclusions.json")))
        bytes = try Data(contentsOf: folder.appendingPathComponent("cases.bin"))
    }

    func model(_ test: Case) -> Data { slice(test.model.offset, test.model.length) }

    func tensor(_ piece: TensorPiece) throws -> Tensor { try Tensor(npy: slice(piece.offset, piece.length)) }

    private func slice(_ offset: Int, _ length: Int) -> Data { bytes.subdata(in: offset..<offset + length) }

    /// Runs one case; `nil` where every output agrees, otherwise what went wrong.
    ///
    /// Inputs are given at run time; those whose values decide a shape are bound as constants, as the engine asks for them.
    /// - Parameter isFolded: all inputs are bound as constants, so that everything is computed at load.
    func failure(_ test: Case, options: NetworkOptions = .init(), isFolded: Bool = false) -> String? {
        do {
            let graph = try Graph(onnx: model(test))
            var given: [String: Tensor] = [:]
            var bindings: [String: InputBinding] = [:]
            for piece in test.inputs {
                let tensor = try tensor(piece)
                given[piece.name] = tensor
                bindings[piece.name] = isFolded ? .constant(tensor) : .shape(tensor.shape)
            }
            let network = try Self.network(graph, &bindings, given, options)
            for (index, port) in network.inputs.enumerated() {
                guard let tensor = given[port.name] else { return "the network wants '\(port.name)', which the case does not give" }
                try network.setInput(index, tensor)
            }
            try network.run()
            for piece in test.outputs {
                guard let index = network.outputIndex(piece.name) else { return "no output '\(piece.name)'" }
                let expected = try tensor(piece)
                if let difference = network.outputTensor(index).difference(from: expected, rtol: test.rtol, atol: test.atol) {
                    return "output '\(piece.name)': \(difference)"
                }
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    private static func network(
        _ graph: Graph, _ bindings: inout [String: InputBinding], _ given: [String: Tensor], _ options: NetworkOptions
    ) throws -> Network {
        while true {
            do {
                return try Network(graph, inputs: bindings, options: options)
            } catch {
                guard case .valueNeeded(let name) = error.cause, let tensor = given[name], case .shape? = bindings[name] else { throw error }
                bindings[name] = .constant(tensor)
            }
        }
    }
}

extension Tensor {
    /// Where this departs from `expected` by more than `atol + rtol · |expected|`, in words; `nil` where it agrees. Infinities and
    /// not-a-number must be in the same places, integers must be equal.
    func difference(from expected: Tensor, rtol: Double, atol: Double) -> String? {
        guard elementType == expected.elementType, shape == expected.shape else {
            return "got \(elementType)\(shape), expected \(expected.elementType)\(expected.shape)"
        }
        let isFloat = elementType == .float32 || elementType == .float64
        if !isFloat, bytes == expected.bytes { return nil }
        let got = doubles, wanted = expected.doubles
        for index in got.indices {
            let (value, reference) = (got[index], wanted[index])
            if value == reference || (value.isNaN && reference.isNaN) { continue }
            if isFloat, value.isFinite, reference.isFinite, abs(value - reference) <= atol + rtol * abs(reference) { continue }
            return "element \(index) of \(shape) is \(value), expected \(reference)"
        }
        // Integers too large for a double to tell apart.
        return isFloat || bytes == expected.bytes ? nil : "bytes differ"
    }

    var doubles: [Double] {
        switch elementType {
        case .float32: values(as: Float.self).map { Double($0) }
        case .float64: values(as: Double.self)
        case .int8: values(as: Int8.self).map { Double($0) }
        case .uint8, .bool: values(as: UInt8.self).map { Double($0) }
        case .int16: values(as: Int16.self).map { Double($0) }
        case .uint16: values(as: UInt16.self).map { Double($0) }
        case .int32: values(as: Int32.self).map { Double($0) }
        case .uint32: values(as: UInt32.self).map { Double($0) }
        case .int64: values(as: Int64.self).map { Double($0) }
        case .uint64: values(as: UInt64.self).map { Double($0) }
        }
    }
}
