public import Foundation
public import Tensors

/// ONNX's own backend tests, packed by `Fixtures/onnx-node-tests/make.py`, which documents the format: for every executor of graphs.
public struct NodeTestArchive: Sendable {
    public struct Piece: Decodable, Sendable {
        public let offset: Int, length: Int
    }

    public struct TensorPiece: Decodable, Sendable {
        public let name: String, shape: [Int], offset: Int, length: Int
    }

    public struct Case: Decodable, Sendable {
        public let name: String
        public let suite: String
        /// The operator that the case is for.
        public let `operator`: String
        public let opset: Int
        public let required: Bool
        public let rtol: Double, atol: Double
        public let model: Piece
        public let inputs: [TensorPiece], outputs: [TensorPiece]
    }

    /// Cases that `Inference` does not pass, by choice.
    public struct Exclusion: Decodable, Sendable {
        public let reason: String
        public let cases: [String]
    }

    private struct Index: Decodable {
        let cases: [Case]
    }

    public let cases: [Case]
    public let exclusions: [Exclusion]
    private let bytes: Data

    public init() throws {
        let folder = Bundle.module.resourceURL!.appendingPathComponent("Fixtures/onnx-node-tests")
        let decoder = JSONDecoder()
        cases = try decoder.decode(Index.self, from: Data(contentsOf: folder.appendingPathComponent("index.json"))).cases
        exclusions = try decoder.decode([Exclusion].self, from: Data(contentsOf: folder.appendingPathComponent("exclusions.json")))
        bytes = try Data(contentsOf: folder.appendingPathComponent("cases.bin"))
    }

    public func model(_ test: Case) -> Data { slice(test.model.offset, test.model.length) }

    public func tensor(_ piece: TensorPiece) throws -> Tensor { try Tensor(npy: slice(piece.offset, piece.length)) }

    private func slice(_ offset: Int, _ length: Int) -> Data { bytes.subdata(in: offset..<offset + length) }
}

extension Tensor {
    /// Where this departs from `expected` by more than `atol + rtol · |expected|`, in words; `nil` where it agrees. Infinities and
    /// not-a-number must be in the same places, integers must be equal.
    public func difference(from expected: Tensor, rtol: Double, atol: Double) -> String? {
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

    public var doubles: [Double] {
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
