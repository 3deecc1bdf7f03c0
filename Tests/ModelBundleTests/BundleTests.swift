import Foundation
import ModelBundle
import Tensors
import Testing

@Suite struct BundleTests {
    @Test func `A bundle loads by folder and by name`() throws {
        let folder = try ScratchFolder()
        let directory = try TestBundle.write(folder, at: "models/small")
        let locations = BundleLocations(searchPaths: [folder.url.appending(path: "models")])
        let byName = try ModelBundle.Bundle.load("small", locations: locations)
        let byFolder = try ModelBundle.Bundle.load(directory.path, locations: BundleLocations(searchPaths: []))
        #expect(byName.fingerprint == byFolder.fingerprint)
        #expect(byName.roles == [.faceDetector, .faceEncoder])
        let encoder = try byName.role(.faceEncoder)
        #expect(encoder.contract.preset == "faceMBF512")
        #expect(encoder.contract.values == ["picture.width": "112", "picture.height": "112", "picture.mean": "[127.5,127.5,127.5]"])
        #expect(encoder.dimension == 512)
        #expect(encoder.inputs == ["image": "input.1"])
        #expect(encoder.score == .cosine)
        #expect(byName.manifest.version == "3")
        #expect(byName.manifest.matching?.bothThreshold == 0.4)
        #expect(byName.manifest.matching?.voice.weight == 9)
        #expect(byName.manifest.matching?.hysteresis == nil)
        #expect(try byName.path(.faceEncoder).hasSuffix("models/small/encoder.onnx"))
    }

    @Test func `FWOC_MODELS goes before the working directory, the first of its folders first`() throws {
        let folder = try ScratchFolder()
        try TestBundle.write(folder, at: "here/models/small")
        try TestBundle.write(folder, at: "b/small")
        try TestBundle.write(folder, at: "c/small")
        try TestBundle.write(folder, at: "c/other", name: "other")
        let work = folder.url.appending(path: "here")
        func found(_ environment: [String: String], _ name: String = "small") throws -> String {
            let locations = BundleLocations(environment: environment, workingDirectory: work)
            return try ModelBundle.Bundle.load(name, locations: locations).directory.standardizedFileURL.path
        }
        let root = folder.url.standardizedFileURL.path
        #expect(try found([:]) == "\(root)/here/models/small")
        #expect(try found(["FWOC_MODELS": ""]) == "\(root)/here/models/small")
        #expect(try found(["FWOC_MODELS": "\(root)/b:\(root)/c"]) == "\(root)/b/small")
        #expect(try found(["FWOC_MODELS": "\(root)/b:\(root)/c"], "other") == "\(root)/c/other")
        #expect(try found(["FWOC_MODELS": "../b"]) == "\(root)/b/small")
        let locations = BundleLocations(environment: ["FWOC_MODELS": "\(root)/c"], workingDirectory: work)
        #expect(locations.searchPaths.last?.path == "/usr/share/fwoc/models")
        #expect(locations.bundles().map(\.name).prefix(2) == ["other", "small"])
        #expect(locations.bundles()[1].directory.standardizedFileURL.path == "\(root)/c/small")
        let error = bundleError { () throws(BundleError) in _ = try ModelBundle.Bundle.load("smal", locations: locations) }
        #expect(error == .notFound(name: "smal", searched: locations.searchPaths.map(\.path)))
    }

    @Test func `A folder without a manifest is not a bundle`() throws {
        let folder = try ScratchFolder()
        let error = bundleError { () throws(BundleError) in
            _ = try ModelBundle.Bundle.load(folder.url.path, locations: BundleLocations(searchPaths: []))
        }
        #expect(error?.category == .noInput)
        #expect(error?.description.contains(folder.url.path) == true)
    }

    @Test func `A changed byte is refused by role and file`() throws {
        let folder = try ScratchFolder()
        let directory = try TestBundle.write(folder, at: "small")
        try folder.write("encodes", to: "small/encoder.onnx")
        let error = bundleError { () throws(BundleError) in
            _ = try ModelBundle.Bundle.load(directory.path, locations: BundleLocations(searchPaths: []))
        }
        guard case .wrongHash(.faceEncoder, let path, let got, TestBundle.encoderHash) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(path.hasSuffix("small/encoder.onnx"))
        #expect(got != TestBundle.encoderHash && got.count == 64)
        #expect(error?.description.contains("face-encoder") == true)
        // A role that is not used is not checked.
        let partial = try ModelBundle.Bundle.load(directory.path, locations: BundleLocations(searchPaths: []), roles: [.faceDetector])
        let late = bundleError { () throws(BundleError) in _ = try partial.graph(.faceEncoder) }
        #expect(late == error)
    }

    @Test func `A missing file and a missing role are refused by name`() throws {
        let folder = try ScratchFolder()
        let directory = try TestBundle.write(folder, at: "small")
        let locations = BundleLocations(searchPaths: [])
        let role = bundleError { () throws(BundleError) in
            _ = try ModelBundle.Bundle.load(directory.path, locations: locations, roles: [.voiceEncoder])
        }
        guard case .missingRole(.voiceEncoder, "small", _) = role else {
            Issue.record("\(String(describing: role))")
            return
        }
        try FileManager.default.removeItem(at: directory.appending(path: "detector.onnx"))
        let file = bundleError { () throws(BundleError) in _ = try ModelBundle.Bundle.load(directory.path, locations: locations) }
        guard case .missingFile(.faceDetector, let path, TestBundle.detectorHash) = file else {
            Issue.record("\(String(describing: file))")
            return
        }
        #expect(path.hasSuffix("small/detector.onnx"))
        #expect(file?.category == .noInput)
    }

    @Test func `Files of public models come from their own folder`() throws {
        let folder = try ScratchFolder()
        let directory = try TestBundle.write(folder, at: "small", yaml: TestBundle.yaml(files: "reference-models"))
        for name in ["detector", "encoder"] {
            try FileManager.default.removeItem(at: directory.appending(path: "\(name).onnx"))
            try folder.write(name, to: "public/\(name).onnx")
        }
        let work = folder.url
        func load(_ environment: [String: String], _ option: String? = nil) throws(BundleError) -> ModelBundle.Bundle {
            try .load(directory.path, locations: BundleLocations(environment: environment, workingDirectory: work, referenceModels: option))
        }
        let error = bundleError { () throws(BundleError) in _ = try load([:]) }
        #expect(error == .noReferenceModels(bundle: "small"))
        #expect(error?.description.contains("FWOC_REFERENCE_MODELS") == true)
        #expect(try load(["FWOC_REFERENCE_MODELS": "public"]).path(.faceEncoder).hasSuffix("public/encoder.onnx"))
        #expect(try load(["FWOC_REFERENCE_MODELS": "elsewhere"], "public").path(.faceEncoder).hasSuffix("public/encoder.onnx"))
    }

    @Test func `Fingerprints change with what matters and not with prose`() throws {
        let original = TestBundle.yaml()
        func fingerprints(_ yaml: String) throws -> (String, String) {
            let folder = try ScratchFolder()
            let directory = try TestBundle.write(folder, at: "b", yaml: yaml)
            let bundle = try ModelBundle.Bundle.load(directory.path, locations: BundleLocations(searchPaths: []), roles: [])
            return (bundle.fingerprint, try bundle.encoderFingerprint(.faceEncoder))
        }
        let (bundle, encoder) = try fingerprints(original)
        #expect(bundle.wholeMatch(of: /small@sha256:[0-9a-f]{12}/) != nil)
        #expect(encoder.wholeMatch(of: /face-encoder@sha256:[0-9a-f]{12}/) != nil)
        let prose = try fingerprints(original.replacing("origin: made for a test", with: "origin: elsewhere # really"))
        #expect(prose == (bundle, encoder))
        let threshold = try fingerprints(original.replacing("both: 0.4", with: "both: 0.41"))
        #expect(threshold.0 != bundle && threshold.1 == encoder)
        let contract = try fingerprints(original.replacing("width: 112", with: "width: 113"))
        #expect(contract.0 != bundle && contract.1 != encoder)
        let file = try fingerprints(original.replacing(TestBundle.encoderHash, with: TestBundle.detectorHash))
        #expect(file.0 != bundle && file.1 != encoder)
    }

    @Test func `The contract is compared with what the code does`() throws {
        let folder = try ScratchFolder()
        let directory = try TestBundle.write(folder, at: "small")
        let bundle = try ModelBundle.Bundle.load(directory.path, locations: BundleLocations(searchPaths: []))
        let code = "fwoc.frontend/1\npicture.width=112\npicture.height=112\npicture.colour=rgb\npicture.mean=[127.50,127.5,1.275e2]\n"
        try bundle.requireContract(.faceEncoder, canonicalText: code)
        for (change, key) in [("width=112", "picture.width"), ("1.275e2", "picture.mean"), ("height=112", "picture.height")] {
            let other = code.replacing(change, with: change == "1.275e2" ? "127" : change.replacing("112", with: "96"))
            let error = bundleError { () throws(BundleError) in try bundle.requireContract(.faceEncoder, canonicalText: other) }
            guard case .contractMismatch(.faceEncoder, "encoder.onnx", "contract.\(key)", _, _) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        let missing = code.replacing("picture.width=112\n", with: "")
        let error = bundleError { () throws(BundleError) in try bundle.requireContract(.faceEncoder, canonicalText: missing) }
        #expect(
            error == .contractMismatch(role: .faceEncoder, file: "encoder.onnx", key: "contract.picture.width", got: "112", expected: "absent"))
    }

    @Test func `A graph must have the named inputs and outputs in the stated sizes`() throws {
        let folder = try ScratchFolder()
        let directory = try TestBundle.write(folder, at: "small")
        let entry = try ModelBundle.Bundle.load(directory.path, locations: BundleLocations(searchPaths: [])).role(.faceEncoder)
        func graph(input: String = "input.1", width: ValueInfo.Dimension = .fixed(112), output: String = "output", dimension: Int = 512, extra: [ValueInfo] = []) -> Graph {
            Graph(
                name: "g", opset: 15, nodes: [],
                inputs: [ValueInfo(name: input, elementType: .float32, shape: [.free("n"), .fixed(3), .fixed(112), width])] + extra,
                outputs: [ValueInfo(name: output, elementType: .float32, shape: [.free("n"), .fixed(dimension)])], initializers: [:])
        }
        try entry.check(graph(), role: .faceEncoder)
        try entry.check(graph(width: .free("w")), role: .faceEncoder)
        let wrong: [(Graph, String)] = [
            (graph(input: "x"), "inputs.image"), (graph(width: .fixed(96)), "contract.picture.width"), (graph(output: "y"), "outputs.embedding"),
            (graph(dimension: 128), "dimension"), (graph(extra: [ValueInfo(name: "more", elementType: .float32, shape: nil)]), "inputs"),
        ]
        for (graph, expected) in wrong {
            let error = bundleError { () throws(BundleError) in try entry.check(graph, role: .faceEncoder) }
            guard case .contractMismatch(.faceEncoder, "encoder.onnx", let key, _, _) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(key == expected)
        }
    }

    @Test func `What is no ONNX file is refused with its role`() throws {
        let folder = try ScratchFolder()
        let directory = try TestBundle.write(folder, at: "small")
        let bundle = try ModelBundle.Bundle.load(directory.path, locations: BundleLocations(searchPaths: []))
        let error = bundleError { () throws(BundleError) in _ = try bundle.graph(.faceDetector) }
        guard case .graph(.faceDetector, let path, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(path.hasSuffix("detector.onnx"))
    }
}
