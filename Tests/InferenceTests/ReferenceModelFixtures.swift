import Foundation
import Inference
import ModelBundle
import NodeTestCases
import Tensors

/// Inputs for the public reference models and what onnxruntime makes of them, as `Fixtures/reference-models/make.py` writes
/// and documents them.
struct ReferenceModelFixtures {
    struct Manifest: Decodable {
        let cases: [Case]
    }

    struct Case: Decodable {
        let name: String
        let model: String
        let sha256: String
        let steps: [Step]
    }

    struct Step: Decodable {
        let inputs: [Input], outputs: [Output]
    }

    struct Input: Decodable {
        let name: String
        let file: String?
        /// The output of the step before that is this input.
        let previous: String?
        let shape: [Int]?
        let mean: [Float]?, deviation: [Float]?
        let upsample: Int?
    }

    struct Output: Decodable {
        let name: String
        let file: String
        let max_abs: Double
    }

    let folder: URL
    let cases: [Case]

    init(folder: URL) throws {
        self.folder = folder
        cases = try JSONDecoder().decode(Manifest.self, from: Data(contentsOf: folder.appendingPathComponent("manifest.json"))).cases
    }

    /// Whether a case's model file is the one that its outputs were made with.
    func isIntact(_ test: Case, models: URL) throws -> Bool {
        let bytes = [UInt8](try Data(contentsOf: models.appendingPathComponent(test.model)))
        return unsafe SHA256Digest.hex(of: bytes.span.bytes) == test.sha256
    }

    func tensor(_ file: String) throws -> Tensor { try Tensor(npyFile: folder.appendingPathComponent(file)) }

    /// An input as the model takes it.
    func tensor(_ input: Input, previous: [String: Tensor]) throws -> Tensor {
        if let name = input.previous {
            guard let tensor = previous[name] else { throw Missing(description: "no output '\(name)' before '\(input.name)'") }
            return tensor
        }
        guard let file = input.file else { throw Missing(description: "'\(input.name)' has neither a file nor a previous output") }
        let stored = try tensor(file)
        guard stored.elementType == .uint8 else {
            // The file keeps a scalar as one element.
            guard let shape = input.shape, stored.count == Tensor.elementCount(shape) else { return stored }
            return stored.reshaped(shape)
        }
        let mean = input.mean ?? [0], deviation = input.deviation ?? [1]
        let bytes = stored.values(as: UInt8.self)
        let factor = input.upsample ?? 1
        let (height, width) = (stored.shape[stored.shape.count - 2], stored.shape[stored.shape.count - 1])
        let channels = stored.shape.count == 4 ? stored.shape[1] : 1
        let planes = stored.shape.dropLast(2).reduce(1, *)
        var values: [Float] = []
        values.reserveCapacity(stored.count * factor * factor)
        for plane in 0..<planes {
            let channel = mean.count == 1 ? 0 : plane % channels
            for y in 0..<height * factor {
                for x in 0..<width * factor {
                    let byte = bytes[(plane * height + y / factor) * width + x / factor]
                    values.append((Float(byte) - mean[channel]) / deviation[channel])
                }
            }
        }
        return Tensor(shape: stored.shape.dropLast(2) + [height * factor, width * factor], values: values)
    }

    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    /// How one output departs from onnxruntime's.
    struct Agreement {
        let step: Int
        let output: String
        /// The largest difference of an element, divided by the largest magnitude of the output.
        let difference: Double
    }

    /// The network of a case as its first step binds it, with that step's inputs.
    func network(_ test: Case, models: URL) throws -> Network {
        guard let step = test.steps.first else { throw Missing(description: "\(test.name) has no steps") }
        var given: [String: Tensor] = [:]
        for input in step.inputs { given[input.name] = try tensor(input, previous: [:]) }
        let network = try Network(
            Graph(onnxFile: models.appendingPathComponent(test.model)),
            inputs: given.mapValues { $0.elementType == .float32 ? InputBinding.shape($0.shape) : .constant($0) })
        for (index, port) in network.inputs.enumerated() { if let tensor = given[port.name] { try network.setInput(index, tensor) } }
        return network
    }

    /// Runs all steps of a case on one network for each set of input shapes.
    func run(_ test: Case, models: URL, options: NetworkOptions = .init()) throws -> [Agreement] {
        let graph = try Graph(onnxFile: models.appendingPathComponent(test.model))
        var network: Network?
        var shapes: [String: [Int]] = [:]
        var previous: [String: Tensor] = [:]
        var result: [Agreement] = []
        for (position, step) in test.steps.enumerated() {
            var given: [String: Tensor] = [:]
            for input in step.inputs { given[input.name] = try tensor(input, previous: previous) }
            if network == nil || given.mapValues(\.shape) != shapes {
                // Integers of these models choose a branch or a shape (the sampling rate): known at load.
                let bindings = given.mapValues { $0.elementType == .float32 ? InputBinding.shape($0.shape) : .constant($0) }
                network = try network?.replanned(inputs: bindings) ?? Network(graph, inputs: bindings, options: options)
                shapes = given.mapValues(\.shape)
            }
            guard let network else { continue }
            for (index, port) in network.inputs.enumerated() {
                guard let tensor = given[port.name] else { throw Missing(description: "no input '\(port.name)'") }
                try network.setInput(index, tensor)
            }
            try network.run()
            previous = [:]
            for (index, port) in network.outputs.enumerated() { previous[port.name] = network.outputTensor(index) }
            for output in step.outputs {
                let expected = try tensor(output.file)
                guard let got = previous[output.name], got.shape == expected.shape, got.elementType == expected.elementType else {
                    throw Missing(description: "output '\(output.name)': expected \(expected.shape), got \(previous[output.name]?.shape ?? [])")
                }
                // A difference that is not a number must not look small.
                let largest = zip(got.doubles, expected.doubles).reduce(0.0) { sum, pair in
                    let difference = abs(pair.0 - pair.1)
                    return difference.isNaN ? .infinity : max(sum, difference)
                }
                result.append(Agreement(step: position, output: output.name, difference: largest / max(output.max_abs, .leastNormalMagnitude)))
            }
        }
        return result
    }
}
