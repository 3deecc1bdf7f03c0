import Datasets
import Foundation
import ModelBundle
import Quantization
import RunRecords
import Tensors
import Testing
import Training

/// Training of a finder of faces to say what another one says, on made-up pictures.
@Suite(.serialized) struct FaceDetectionFitTests {
    /// A PNG of 24 bits a pixel whose rows are stored and not compressed.
    private static func picture(_ width: Int, _ height: Int, _ colour: (Int, Int) -> (UInt8, UInt8, UInt8)) -> [UInt8] {
        func big(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
        func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
            var sum: UInt32 = 0xFFFF_FFFF
            for byte in Array(name.utf8) + data {
                sum ^= UInt32(byte)
                for _ in 0..<8 { sum = sum & 1 == 1 ? (sum >> 1) ^ 0xEDB8_8320 : sum >> 1 }
            }
            return big(UInt32(data.count)) + Array(name.utf8) + data + big(~sum)
        }
        var rows: [UInt8] = []
        for row in 0..<height {
            rows.append(0)
            for column in 0..<width {
                let (red, green, blue) = colour(column, row)
                rows += [red, green, blue]
            }
        }
        var stream: [UInt8] = [0x78, 0x01], a: UInt32 = 1, b: UInt32 = 0
        for start in stride(from: 0, to: rows.count, by: 65535) {
            let end = min(start + 65535, rows.count), size = UInt16(end - start)
            stream.append(end == rows.count ? 1 : 0)
            for value in [size, ~size] { stream += [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)] }
            stream += rows[start..<end]
        }
        for byte in rows {
            a = (a + UInt32(byte)) % 65521
            b = (b + a) % 65521
        }
        stream += big(b << 16 | a)
        let header = big(UInt32(width)) + big(UInt32(height)) + [8, 2, 0, 0, 0]
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header) + chunk("IDAT", stream) + chunk("IEND", [])
    }

    private static func pictures(_ scratch: ScratchFolder) throws -> String {
        let folder = scratch.file("pictures")
        guard !FileManager.default.fileExists(atPath: folder) else { return folder }
        try FileManager.default.createDirectory(atPath: folder + "/below", withIntermediateDirectories: true)
        for index in 0..<24 {
            let width = 61 + 7 * index, height = 90 + 5 * (index % 5)
            let bytes = picture(width, height) { x, y in
                let red = UInt8((x * (index + 3)) % 256), green = UInt8((y * 5 + index) % 256), blue = UInt8((x * y / 9) % 256)
                return (red, green, blue)
            }
            try ScratchFolder.write(bytes, folder + (index % 2 == 0 ? "/" : "/below/") + "\(index).png")
        }
        try ScratchFolder.write(Array("no picture".utf8), folder + "/broken.png")
        return folder
    }

    private static func recipe(_ scratch: ScratchFolder, epochs: Int, extra: String = "") throws -> TaskRecipe {
        _ = try pictures(scratch)
        let teacher = scratch.file("teacher.onnx")
        try DetectorArchitecture.separablePyramid.graph(seed: 77).write(onnxFile: URL(fileURLWithPath: teacher))
        let boxes = "image,x,y,w,h,invalid\n0.png,5,5,30,40,0\n2.png,5,5,30,10,0\n4.png,5,5,30,40,1\n"
        try ScratchFolder.write(Array(boxes.utf8), scratch.file("pictures/boxes.csv"))
        let text = """
            name: faces
            task: face-detection
            seed: 4
            pictures: [pictures]
            teacher: teacher.onnx
            boxes: pictures/boxes.csv
            side: 64
            batch: {canvases: 4}
            steps: 2
            epochs: \(epochs)
            optimizer: {name: adamw, rate: 0.002}
            checkpoint_steps: 1
            \(extra)
            """
        let file = scratch.file("faces.yaml")
        try ScratchFolder.write(Array(text.utf8), file)
        return try TaskRecipe(contentsOf: URL(fileURLWithPath: file))
    }

    @Test func `It learns, goes on bit for bit, and is measured and made eight-bit`() throws {
        let scratch = try ScratchFolder()
        let recipe = try Self.recipe(scratch, epochs: 5)
        #expect(try TaskFit(recipe, into: scratch.run("looked-at")).notes.contains { $0.contains("broken.png") })
        try expectSameWhenInterrupted(recipe, after: 3, in: scratch)
        let contents = try scratch.run("whole").load()
        // On the same canvases each time; those that are learnt from differ more than so few steps bring.
        let disagreement = contents.epochs.compactMap { $0.metrics.first { $0.name == "disagreement" }?.value }
        #expect(try disagreement.count == 5 && #require(disagreement.last) < (#require(disagreement.first)))

        let trained = try TrainedTask(scratch.run("whole"))
        let values = try trained.measured(.heldOut)
        #expect(values.first { $0.name == "faces" }?.value == 1 && values.first?.name == "average_precision")
        // Of one face there is one distance, which counts among those of faces seen from the front or does not.
        for (all, some) in [("landmark_distance", "frontal_landmark_distance_median"), ("teacher_landmark_distance_shifted", "teacher_frontal_landmark_distance_shifted")] {
            let whole = try #require(values.first { $0.name == all }), part = try #require(values.first { $0.name == some })
            #expect(part.value == nil || part.value == whole.value)
        }
        #expect(throws: FitError.self) { try trained.measured(.validation) }
        let made = try trained.quantized(PostTrainingQuantizer(), nil, counts: (4, 2))
        #expect(made.networks.map(\.name) == ["face-detector"])
        #expect(try trained.measured(.heldOut, instead: ["face-detector": made.networks[0].graph]).count == values.count)
    }

    @Test func `Windows of pictures lie where they should`() throws {
        let scratch = try ScratchFolder()
        let folder = scratch.file("one")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // Grey, so that the chroma's lower resolution does not blur it: columns count up.
        try ScratchFolder.write(Self.picture(40, 20) { x, _ in (UInt8(20 + 5 * x), UInt8(20 + 5 * x), UInt8(20 + 5 * x)) }, folder + "/ramp.png")
        let set = try PictureSet(folders: [folder])
        #expect(set.count == 1 && set.size(0) == (40, 20) && set.name(0) == "ramp.png")
        func drawn(_ scale: Float, x: Float, y: Float, flipped: Bool = false, aspect: Float = 1, angle: Float = 0) -> [UInt8] {
            var canvas = [UInt8](repeating: 0, count: 3 * 64 * 64)
            set.draw(.init(picture: 0, scale: scale, x: x, y: y, isFlipped: flipped, aspect: aspect, angle: angle), into: &canvas, side: 64, columns: 8..<64, rows: 4..<60)
            return canvas
        }
        func level(_ canvas: [UInt8], _ column: Int, _ row: Int, _ plane: Int = 1) -> Int { Int(canvas[(plane * 64 + row) * 64 + column]) }
        let plain = drawn(1, x: 2, y: 3)
        for column in 0..<40 { for plane in 0..<3 { #expect(abs(level(plain, 10 + column, 10, plane) - (20 + 5 * column)) <= 3) } }
        #expect(level(plain, 9, 10) == 0 && level(plain, 50, 10) == 0 && level(plain, 20, 6) == 0 && level(plain, 20, 7) > 0 && level(plain, 20, 26) > 0 && level(plain, 20, 27) == 0)
        let flipped = drawn(1, x: 2, y: 3, flipped: true)
        #expect(abs(level(flipped, 10, 10) - 215) <= 3 && abs(level(flipped, 49, 10) - 20) <= 3)
        // A quarter of the size, from the smallest copy; and what begins before the part is cut off.
        let small = drawn(0.25, x: -2, y: 0)
        for column in 0..<8 { #expect(abs(level(small, 8 + column, 6) - (20 + 5 * (4 * (column + 2)) + 7)) <= 8) }
        #expect(level(small, 16, 6) == 0 && level(small, 7, 6) == 0 && level(small, 10, 3) == 0)
        // Twice as broad and half as high; and a quarter turn about the middle of the part, after which columns are rows.
        let broad = drawn(1, x: 0, y: 0, aspect: 4)
        for column in 0..<56 { #expect(abs(Float(level(broad, 8 + column, 8)) - (20 + 5 * max(0, (Float(column) + 0.5) / 2 - 0.5))) <= 3) }
        #expect(level(broad, 20, 13) > 0 && level(broad, 20, 14) == 0)
        let turned = drawn(1, x: 8, y: 18, angle: .pi / 2)
        for row in 0..<40 { #expect(abs(level(turned, 36, 12 + row) - (20 + 5 * row)) <= 3) }
        #expect(level(turned, 36, 11) == 0 && level(turned, 36, 52) == 0 && level(turned, 26, 30) > 0 && level(turned, 25, 30) == 0 && level(turned, 46, 30) == 0)
    }

    @Test func `Mistakes are named`() throws {
        let scratch = try ScratchFolder()
        func message(_ body: () throws -> Void) -> String {
            do { try body() } catch { return "\(error)" }
            return ""
        }
        #expect(message { _ = try Self.recipe(scratch, epochs: 1, extra: "boxs: 2") }.contains("boxes"))
        #expect(message { _ = try PictureSet(folders: [scratch.file("none")]) }.contains("no such folder"))
        try FileManager.default.createDirectory(atPath: scratch.file("empty"), withIntermediateDirectories: true)
        #expect(message { _ = try PictureSet(folders: [scratch.file("empty")]) }.contains("no pictures"))
        let recipe = try Self.recipe(scratch, epochs: 1)
        try TaskFit(recipe, into: scratch.run()).runAlone()
        try ScratchFolder.write(Array("image,x,y,w,h,invalid\n0.png,5,5,thirty,40,0\n".utf8), scratch.file("pictures/boxes.csv"))
        #expect(message { _ = try TrainedTask(scratch.run()).measured(.heldOut) }.contains("line 2"))
    }
}
