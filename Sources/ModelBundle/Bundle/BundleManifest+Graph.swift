extension BundleManifest.Role {
    /// Refuses a graph that does not have the manifest's inputs and outputs, or takes other sizes than the contract states.
    /// Sizes that the graph leaves free fit everything.
    public func check(_ graph: Graph, role: BundleRole) throws(BundleError) {
        func mismatch(_ key: String, _ got: String, _ expected: String) -> BundleError {
            .contractMismatch(role: role, file: file, key: key, got: got, expected: expected)
        }
        func find(_ name: String, _ values: [ValueInfo], _ key: String) throws(BundleError) -> ValueInfo {
            guard let value = values.first(where: { $0.name == name }) else {
                throw mismatch(key, name, "one of the graph's: \(values.map(\.name).joined(separator: ", "))")
            }
            return value
        }
        /// The size of a dimension, counted from the last one; `nil` where it is free or not known.
        func size(_ value: ValueInfo, fromLast offset: Int) -> Int? {
            guard let shape = value.shape, shape.count > offset, case .fixed(let size) = shape[shape.count - 1 - offset] else { return nil }
            return size
        }
        func require(_ key: String, _ stated: Int?, _ actual: Int?) throws(BundleError) {
            if let stated, let actual, stated != actual { throw mismatch(key, "\(stated)", "\(actual), as the network takes or gives") }
        }

        for (key, name) in inputs.sorted(by: { $0.key < $1.key }) {
            let input = try find(name, graph.inputs, "inputs.\(key)")
            switch key {
            case "image", "faces":
                try require("contract.picture.width", contract.integer("picture.width"), size(input, fromLast: 0))
                try require("contract.picture.height", contract.integer("picture.height"), size(input, fromLast: 1))
            case "features":
                let width = contract.integer("sound.coefficients") ?? contract.integer("sound.filters")
                try require("contract.sound", width, size(input, fromLast: 0))
            default: break
            }
        }
        for (key, name) in outputs.sorted(by: { $0.key < $1.key }) {
            let output = try find(name, graph.outputs, "outputs.\(key)")
            if key == "embedding" { try require("dimension", dimension, size(output, fromLast: 0)) }
        }
        let named = Set(inputs.values)
        for input in graph.inputs where !named.contains(input.name) {
            throw mismatch("inputs", named.sorted().joined(separator: ", "), "also the graph's input \(input.name)")
        }
    }
}
