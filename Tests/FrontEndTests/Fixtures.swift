import Foundation
import MediaTypes

enum Fixtures {
    static func data(_ name: String) throws -> Data {
        let url = Bundle.module.bundleURL.appendingPathComponent("Fixtures/\(name)")
        return try Data(contentsOf: url)
    }

    static func floats(_ name: String) throws -> [Float] {
        let bytes = [UInt8](try data(name))
        return stride(from: 0, to: bytes.count, by: 4).map { i in
            Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[i + $1]) << UInt32(8 * $1) })
        }
    }

    static func doubles(_ name: String) throws -> [Double] {
        let bytes = [UInt8](try data(name))
        return stride(from: 0, to: bytes.count, by: 8).map { i in
            Double(bitPattern: (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[i + $1]) << UInt64(8 * $1) })
        }
    }

    /// The fixture sound as samples in [−1, 1).
    static func sound() throws -> [Float] {
        let bytes = [UInt8](try data("sound.s16"))
        return stride(from: 0, to: bytes.count, by: 2).map { i in
            Float(Int16(bitPattern: UInt16(bytes[i]) | UInt16(bytes[i + 1]) << 8)) / 32768
        }
    }

    static func pictures(kind: String) throws -> [PictureCase] {
        try JSONDecoder().decode([PictureCase].self, from: data("pictures.json")).filter { $0.kind == kind }
    }

    static let pictureBytes: [UInt8] = (try? data("pictures.bin")).map { [UInt8]($0) } ?? []
}

/// An entry of `pictures.json`.
struct PictureCase: Decodable, CustomStringConvertible {
    var kind: String
    var offset: Int
    var shape: [Int]
    /// Every `step`-th row and column is kept.
    var step: Int
    var name: String?
    var frame: [Int]?
    var input: [Int]?
    var landmarks: [[Float]]?
    var transform: [Float]?
    var matrix: String?
    var full: Bool?
    var box: [Float]?
    var eyes: [[Float]]?
    var centre: [Float]?
    var halfSide: Float?
    var sharpness: Float?
    var brightness: Float?
    var contrast: Float?

    var description: String { "\(kind) \(name ?? "") \(frame ?? []) \(input ?? [])" }

    var pixels: [UInt8] { Array(Fixtures.pictureBytes[offset..<offset + shape.reduce(1, *)]) }

    func picture() -> VideoFrame {
        let matrices: [String: ColourSpace.Matrix] = ["bt601": .bt601, "bt709": .bt709, "bt2020": .bt2020]
        return syntheticFrame(frame![0], frame![1], matrix: matrices[matrix ?? "bt601"]!, isFullRange: full ?? false)
    }

    var face: FaceLandmarks {
        let p = landmarks!.map { Point(x: $0[0], y: $0[1]) }
        return FaceLandmarks(leftEye: p[0], rightEye: p[1], nose: p[2], leftMouth: p[3], rightMouth: p[4])
    }

    /// Mean and largest difference to planes `[planes, height, width]` of which the fixture keeps every `step`-th row and column.
    func difference<Value>(from planes: [Value], height: Int, width: Int, _ number: (Value) -> Float) -> (mean: Float, largest: Float) {
        let expected = pixels
        let rows = shape[shape.count - 2]
        let columns = shape[shape.count - 1]
        var sum: Float = 0
        var largest: Float = 0
        for i in expected.indices {
            let c = i / (rows * columns)
            let y = i / columns % rows * step
            let x = i % columns * step
            let d = abs(number(planes[(c * height + y) * width + x]) - Float(expected[i]))
            sum += d
            largest = max(largest, d)
        }
        return (sum / Float(expected.count), largest)
    }
}
