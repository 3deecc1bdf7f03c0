public import Foundation

/// What faces are like: mean and spread of shape and colour over many people, from which people who do not exist are drawn.
///
/// Lengths are in units of MediaPipe's canonical face (nearly a centimetre): x to the image's right, y up, z toward the camera. The texture is one half of a
/// template of the face, seen from the front and a little unrolled at the sides; the other half mirrors it. Immutable.
public struct FaceModel: Sendable {
    /// Points of the mesh, numbered as MediaPipe's face mesh.
    public static let points = 468
    /// What shape and colour depend on: sex, age, age squared, sex × age, four differences between groups of origin.
    static let conditions = 8

    /// Linear combinations with standard normal weights: `[count, length]`, quantized by row.
    struct Basis: Sendable {
        var count: Int
        var length: Int
        var values: [Int8]
        /// Of one step of a row's integers, at one standard deviation.
        var scales: [Float]

        /// Adds `Σ weights[k] · row k` to `sum`.
        func add(_ weights: [Float], to sum: inout [Float]) {
            for k in 0..<min(count, weights.count) {
                let factor = weights[k] * scales[k]
                if factor == 0 { continue }
                let start = k * length
                for i in 0..<length { sum[i] += factor * Float(values[start + i]) }
            }
        }
    }

    /// `[468 × 3]`: a still mouth, nearly closed.
    let meanShape: [Float]
    /// `[8, 468 × 3]`
    let shapeOfConditions: [Float]
    /// `[3, 468 × 3]`: of a gap between the inner lips, of a distance of the mouth's corners, and of their height over the middle, one unit each.
    let shapeOfMouth: [Float]
    let shape: Basis
    let asymmetry: Basis
    let triangles: [UInt16]
    let mirror: [UInt16]
    /// `[468, 2]`: texels.
    let template: [Float]
    let width: Int
    let height: Int
    /// `[n, 2]`: column and row of the stored half's texels.
    let pixels: [UInt16]
    /// Logarithm of the luminance, without light: `[n]`, `[8, n]`.
    let meanLight: [Float]
    let lightOfConditions: [Float]
    let light: Basis
    /// Logarithms of red and of blue over the luminance, about the face's own: `[2n]`, `[8, 2n]`.
    let meanChroma: [Float]
    let chromaOfConditions: [Float]
    let chroma: Basis

    /// - Throws: ``FaceModelError`` where the file cannot be read or is not such a model.
    public init(contentsOf path: String) throws(FaceModelError) {
        let data: Data
        do {
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            guard size <= FaceModelFile.mostBytes else { throw FaceModelError.notAFaceModel(path: path, detail: "\(size) bytes, expected at most \(FaceModelFile.mostBytes)") }
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch let error as FaceModelError { throw error } catch { throw .unreadable(path: path, detail: error.localizedDescription) }
        try self.init(FaceModelFile(Array(data), path: path), path: path)
    }

    /// - Parameter path: for the errors.
    public init(_ file: FaceModelFile, path: String) throws(FaceModelError) {
        func section(_ name: String, _ extents: [Int?]) throws(FaceModelError) -> FaceModelFile.Section {
            guard let section = file.sections[name] else { throw .damaged(path: path, detail: "section \(name) is missing") }
            for (got, expected) in zip(section.extents, extents + Array(repeating: 1, count: 3 - extents.count)) where expected != nil && got != expected {
                throw .damaged(path: path, detail: "section \(name) is \(section.extents), expected \(extents.map { $0.map(String.init) ?? "any" })")
            }
            return section
        }
        func floats(_ name: String, _ extents: [Int?], within limit: Float = 1000) throws(FaceModelError) -> [Float] {
            guard case .float(let values) = try section(name, extents).values else { throw .damaged(path: path, detail: "section \(name) is not of float32") }
            guard values.allSatisfy({ abs($0) <= limit }) else { throw .damaged(path: path, detail: "section \(name) holds a number beyond ±\(limit)") }
            return values
        }
        func words(_ name: String, _ extents: [Int?], below bounds: [Int]) throws(FaceModelError) -> [UInt16] {
            guard case .uint16(let values) = try section(name, extents).values else { throw .damaged(path: path, detail: "section \(name) is not of uint16") }
            for (index, value) in values.enumerated() where Int(value) >= bounds[index % bounds.count] {
                throw .damaged(path: path, detail: "section \(name) holds \(value), expected less than \(bounds[index % bounds.count])")
            }
            return values
        }
        func basis(_ name: String, _ length: Int) throws(FaceModelError) -> Basis {
            let found = try section(name, [nil, length])
            guard case .int8(let values) = found.values else { throw .damaged(path: path, detail: "section \(name) is not of int8") }
            let count = found.extents[0]
            guard count <= 512 else { throw .damaged(path: path, detail: "section \(name) has \(count) rows, expected at most 512") }
            return Basis(count: count, length: length, values: values, scales: try floats(name + ".scale", [count]))
        }
        let points = 3 * Self.points
        meanShape = try floats("shape.mean", [Self.points, 3])
        shapeOfConditions = try floats("shape.people", [Self.conditions, points])
        shapeOfMouth = try floats("shape.mouth", [3, points])
        shape = try basis("shape.basis", points)
        asymmetry = try basis("shape.asymmetry", points)
        let size = try words("canvas", [2], below: [1024])
        (width, height) = (Int(size[0]), Int(size[1]))
        guard width >= 32, height >= 32, width % 2 == 0 else { throw .damaged(path: path, detail: "a template of \(width)×\(height), expected 32…1023, the width even") }
        triangles = try words("triangles", [nil, 3], below: [Self.points])
        mirror = try words("mirror", [Self.points], below: [Self.points])
        template = try floats("template", [Self.points, 2], within: 1024)
        pixels = try words("pixels", [nil, 2], below: [width / 2, height])
        let n = pixels.count / 2
        meanLight = try floats("light.mean", [n], within: 16)
        lightOfConditions = try floats("light.people", [Self.conditions, n], within: 16)
        light = try basis("light.basis", n)
        meanChroma = try floats("chroma.mean", [2 * n], within: 16)
        chromaOfConditions = try floats("chroma.people", [Self.conditions, 2 * n], within: 16)
        chroma = try basis("chroma.basis", 2 * n)
    }
}
