import Biometrics
import Foundation
import SyntheticFaces
import Testing

/// The model that the project ships.
enum Shipped {
    static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("models/synthesis/face-model.fwocface").path
    static let bytes = Array((try? Data(contentsOf: URL(fileURLWithPath: path))) ?? Data())
    static let model: FaceModel? = try? FaceModel(contentsOf: path)
}

@Suite struct FaceModelFileTests {
    @Test func theShippedModelIsSmallAndSound() throws {
        #expect(Shipped.bytes.count > 100_000 && Shipped.bytes.count <= 4 << 20)
        _ = try FaceModel(contentsOf: Shipped.path)
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        var file = FaceModelFile()
        file.add("bytes", [3, 5], .int8((0..<15).map { Int8($0 - 7) }))
        file.add("words", [3], .uint16([0, 1, 65535]))
        file.add("numbers", [2, 1, 2], .float([0, -1.5, .pi, 1e-20]))
        let again = try FaceModelFile(file.bytes(), path: "memory")
        #expect(again.names == ["bytes", "words", "numbers"])
        #expect(again.sections == file.sections)
    }

    @Test func everyFlippedByteAndEveryCutIsNoticed() throws {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<40 {
            var bytes = Shipped.bytes
            bytes[generator.below(bytes.count)] ^= UInt8(1 + generator.below(255))
            #expect(throws: FaceModelError.self) { _ = try FaceModel(try FaceModelFile(bytes, path: "flipped"), path: "flipped") }
            let cut = Array(Shipped.bytes.prefix(generator.below(Shipped.bytes.count)))
            #expect(throws: FaceModelError.self) { _ = try FaceModelFile(cut, path: "cut") }
        }
    }

    /// Files whose checksum is right and whose content is not.
    @Test func hostileSectionsAreRefusedByName() throws {
        func remade(_ change: (String, FaceModelFile.Section) -> (String, [Int], FaceModelFile.Values)?) throws -> FaceModelFile {
            let old = try FaceModelFile(Shipped.bytes, path: "shipped")
            var new = FaceModelFile()
            for name in old.names { if let section = old.sections[name], let (name, extents, values) = change(name, section) { new.add(name, extents, values) } }
            return try FaceModelFile(new.bytes(), path: "hostile")
        }
        func complaint(_ file: FaceModelFile) -> String {
            do { _ = try FaceModel(file, path: "hostile"); return "accepted" } catch { return "\(error)" }
        }
        for missing in try FaceModelFile(Shipped.bytes, path: "shipped").names where missing != "mirror.unused" {
            let file = try remade { name, section in name == missing ? nil : (name, section.extents, section.values) }
            #expect(complaint(file).contains(missing))
        }
        let pointless = try remade { name, section in
            guard name == "triangles", case .uint16(var values) = section.values else { return (name, section.extents, section.values) }
            values[7] = 468
            return (name, section.extents, .uint16(values))
        }
        #expect(complaint(pointless).contains("triangles holds 468"))
        let outside = try remade { name, section in
            guard name == "pixels", case .uint16(var values) = section.values else { return (name, section.extents, section.values) }
            values[1] = 60000
            return (name, section.extents, .uint16(values))
        }
        #expect(complaint(outside).contains("pixels holds 60000"))
        let endless = try remade { name, section in
            guard name == "shape.mean", case .float(var values) = section.values else { return (name, section.extents, section.values) }
            values[0] = .nan
            return (name, section.extents, .float(values))
        }
        #expect(complaint(endless).contains("shape.mean"))
    }

    @Test func otherFilesAreRefusedWithAReason() {
        #expect(throws: FaceModelError.self) { _ = try FaceModel(contentsOf: "/nowhere/model") }
        for bytes in [[], Array("FWOCFACE".utf8), Array(repeating: 0, count: 100), Array("FWOCFACE".utf8) + Array(repeating: UInt8(255), count: 60)] as [[UInt8]] {
            #expect(throws: FaceModelError.self) { _ = try FaceModelFile(bytes, path: "other") }
        }
    }
}
