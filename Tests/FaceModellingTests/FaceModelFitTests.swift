import Biometrics
import FaceModelling
import Foundation
import MediaTypes
import ModelBundle
import SyntheticFaces
import Testing

/// Where the public landmark model is; says so where it is not.
private let referenceModels: String? = {
    let folder = ProcessInfo.processInfo.environment["FWOC_REFERENCE_MODELS"]
    if let folder, FileManager.default.fileExists(atPath: folder + "/face_mesh_468.onnx") { return folder }
    FileHandle.standardError.write(Data("SKIPPED: a face model is not computed; needs face_mesh_468.onnx and face_mesh_topology.obj in FWOC_REFERENCE_MODELS\n".utf8))
    return nil
}()

@Suite struct FaceModelFitTests {
    static let shipped = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("models/synthesis/face-model.fwocface").path

    static func temporaryFolder() throws -> URL {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("fwoc-face-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }

    @Test func namesSayWhoIsInThePicture() throws {
        let face = try #require(LabelledFace(path: "/x/34_1_2_20170109.webp"))
        #expect(face.age == 34 && face.isWoman && face.group == 2)
        for name in ["34_1_2.webp", "a_1_2_3.webp", "34_2_0_x.webp", "34_1_5_x.webp", "34_1.webp", ""] { #expect(LabelledFace(path: name) == nil, "\(name)") }
    }

    @Test func foldersWithoutGrownPeopleAreRefused() throws {
        let folder = try Self.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(throws: FaceModellingError("\(folder.path): no picture named <age>_<sex>_<group>_….webp of somebody of 17 to 82 years, expected faces named as UTKFace's")) {
            try LabelledFace.adults(in: folder.path)
        }
        for name in ["3_0_0_1.webp", "holiday.webp", "40_1_0_2.webp", "17_0_4_3.webp", "83_0_0_4.webp"] { try Data().write(to: folder.appendingPathComponent(name)) }
        #expect(try LabelledFace.adults(in: folder.path).map(\.age) == [17, 40])
        let missing = folder.path + "/none"
        do {
            _ = try LabelledFace.adults(in: missing)
            Issue.record("a folder that is not there was read")
        } catch { #expect("\(error)".hasPrefix(missing + ": cannot be read")) }
    }

    @Test func distancesAreToTheNearestOfTheOthers() throws {
        let model = try FaceModel(contentsOf: Self.shipped)
        let drawn = FaceIdentity(seed: 5000, model: model).weights
        var moved = drawn
        moved.shape[0] += 3
        moved.light[1] -= 4
        var far = drawn
        far.shape[1] += 100
        let found = FaceJudge.distances(model, drawn: 1, of: [moved, far])
        #expect(abs(found.drawn[0] - 5) < 1e-4)
        // To each other: neither is compared with itself.
        let apart = Float(9 + 16 + 10_000).squareRoot()
        #expect(found.real.count == 2 && found.real.allSatisfy { abs($0 - apart) < 1e-2 })
        // A copy is noticed.
        #expect(FaceJudge.distances(model, drawn: 1, of: [drawn, far]).drawn == [0])
    }

    @Test func histogramsShowBothSeries() {
        let svg = Histogram(title: "T", axis: "a", (name: "one", values: [0, 0, 1]), (name: "two", values: [1])).svg
        #expect(svg.contains(">T</text>") && svg.contains(">a</text>") && svg.contains(">one</text>") && svg.contains(">two</text>"))
        // Two bars of the first series, at both ends, one twice as high; one of the second.
        let bars = svg.split(separator: "\n").filter { $0.contains("width=\"14\"") }
        #expect(bars.count == 3)
        #expect(bars.filter { $0.contains("height=\"220.0\"") }.count == 1 && bars.filter { $0.contains("height=\"146.7\"") }.count == 1 && bars.filter { $0.contains("height=\"73.3\"") }.count == 1)
        #expect(Histogram(title: "", axis: "", (name: "", values: []), (name: "", values: [])).svg.hasSuffix("</svg>\n"))
    }

    /// From pictures to a model and to judged people, with a public landmark model; on drawn people, whose pictures are at hand everywhere.
    @Test(.enabled(if: referenceModels != nil)) func aModelIsComputedFromPictures() throws {
        let models = try #require(referenceModels)
        let folder = try Self.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let model = try FaceModel(contentsOf: Self.shipped)
        for person in 0..<46 as Range<UInt64> {
            let renderer = HeadRenderer(identity: FaceIdentity(seed: 900 + person, traits: FaceTraits(age: Double(18 + person), glasses: false, hair: .short), model: model), model: model)
            let traits = renderer.identity.traits
            for k in 0..<8 as Range<UInt64> {
                var picture = Picture(width: 200, height: 200, red: 120, green: 130, blue: 140)
                let turn = Float(k) - 3.5
                _ = renderer.draw(
                    FacePose(yaw: 1.6 * turn, pitch: 0.6 * turn, mouth: MouthPose(opening: 0.01 * Float(k))), lighting: FaceLighting(seed: 8 * person + k),
                    placement: HeadPlacement(centre: SIMD2(100, 82), eyeDistance: 72), onto: &picture)
                try picture.writePNG(folder.path + "/\(Int(traits.age ?? 0))_\(traits.sex == .female ? 1 : 0)_\(person % 5)_\(person)-\(k).png")
            }
        }
        var said: [String] = []
        var settings = FaceModelFit.Settings()
        (settings.shapeComponents, settings.lightComponents, settings.chromaComponents) = (12, 20, 6)
        (settings.fewestFrontal, settings.fewestGood) = (200, 100)
        let landmarks = try Graph(onnxFile: URL(fileURLWithPath: models + "/face_mesh_468.onnx"))
        let fit = try FaceModelFit(folder: folder.path, topology: models + "/face_mesh_topology.obj", measurement: FaceMeasurement(landmarks), settings: settings) { said.append($0) }
        #expect(said.first?.hasPrefix("landmarks: 0 of 368") == true && said.count >= 4)
        let made = folder.path + "/made.fwocface"
        try Data(fit.file.bytes()).write(to: URL(fileURLWithPath: made))
        let again = try FaceModel(contentsOf: made)
        #expect(fit.people.count >= 100 && fit.people.allSatisfy { $0.shape.count == 12 && $0.light.count == 20 && $0.chroma.count == 6 && $0.conditions.count == 8 })
        // Weights are whitened: of unit spread over the people.
        for k in 0..<4 {
            let squares = fit.people.reduce(0) { $0 + $1.light[k] * $1.light[k] } / Float(fit.people.count)
            #expect(abs(squares - 1) < 0.1)
        }
        // A person of the new model is a face.
        var picture = Picture(width: 160, height: 160, red: 0, green: 0, blue: 0)
        let face = HeadRenderer(identity: FaceIdentity(seed: 2, model: again), model: again).draw(FacePose(), lighting: FaceLighting(), placement: HeadPlacement(centre: SIMD2(80, 70), eyeDistance: 40), onto: &picture)
        #expect(face.landmarks.nose.y > face.landmarks.leftEye.y && face.landmarks.leftMouth.y > face.landmarks.nose.y)
        settings.fewestFrontal = 369
        do {
            _ = try FaceModelFit(folder: folder.path, topology: models + "/face_mesh_topology.obj", measurement: FaceMeasurement(landmarks), settings: settings)
            Issue.record("a model was computed from too few pictures")
        } catch { #expect("\(error)".contains("sharp frontal faces of") && "\(error)".hasSuffix("expected at least 369")) }
        // What is no topology of 468 points is refused by name.
        let other = folder.path + "/other.obj"
        try Data("v 0 0 0\nf 1 1 1\n".utf8).write(to: URL(fileURLWithPath: other))
        #expect(throws: FaceModellingError("\(other): 1 points and 1 triangles, expected 468 and 898: MediaPipe's canonical face")) {
            try FaceModelFit(folder: folder.path, topology: other, measurement: FaceMeasurement(landmarks))
        }
    }
}
