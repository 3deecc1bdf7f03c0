import Foundation
import Tensors
import Testing
import Training

@Suite struct SafetensorsFileTests {
    private static let tensors: [String: Tensor] = [
        "face/conv1.weight": Tensor(shape: [2, 3], values: [Float(0), -0.0, .pi, .infinity, -.leastNonzeroMagnitude, .nan]),
        "double": Tensor(shape: [3], values: [Double.pi, -1e300, 0]), "long": Tensor(shape: [1, 1], values: [Int64.min]), "int": Tensor(shape: [2], values: [Int32(7), -7]),
        "small": Tensor(shape: [5], values: [Int8(-128), 127, 0, 1, 2]), "byte": Tensor(shape: [1], values: [UInt8(255)]), "scalar": Tensor(scalar: Float(4)),
        "empty": Tensor(shape: [0, 8], values: [Float]()), "truth": Tensor(shape: [2], elementType: .bool, bytes: [1, 0]), "ß \"quoted\"": Tensor(shape: [1], values: [Int16(-2)]),
    ]
    private static let metadata = ["state": #"{"a": "\"x\"", "n": 1}"#, "": "nothing", "name": "Ünï\n"]

    private static func file(_ scratch: ScratchFolder) -> URL { URL(fileURLWithPath: scratch.file("x.safetensors")) }

    @Test func `What was written is read, bit for bit`() throws {
        let scratch = try ScratchFolder()
        let url = Self.file(scratch), written = SafetensorsFile(tensors: Self.tensors, metadata: Self.metadata)
        try written.write(to: url)
        #expect(try SafetensorsFile(contentsOf: url) == written)
        // Over what is there, and nothing beside it is left.
        let empty = SafetensorsFile(tensors: [:])
        try empty.write(to: url)
        #expect(try SafetensorsFile(contentsOf: url) == empty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["x.safetensors"])
    }

    /// Written by Python's `safetensors` (`Fixtures/make_safetensors.py`).
    @Test func `Python's files are read`() throws {
        let read = try SafetensorsFile(contentsOf: Fixture.file("python.safetensors"))
        #expect(read.metadata == ["made-by": "make_safetensors.py", "quote": "\"ü\""])
        #expect(read.tensors["matrix"] == Tensor(shape: [2, 3], values: [Float(0), 0.5, 1, 1.5, 2, 2.5]))
        #expect(read.tensors["labels"] == Tensor(shape: [4], values: [Int64(-1), 0, 1, 1 << 40]))
        #expect(read.tensors["levels"] == Tensor(shape: [1, 2, 2], values: [UInt8(0), 1, 254, 255]))
        #expect(read.tensors["precise"] == Tensor(shape: [], values: [Double(0.1)]))
        #expect(read.tensors["mask"] == Tensor(shape: [3], elementType: .bool, bytes: [1, 0, 1]))
        #expect(read.tensors["none"] == Tensor(shape: [0, 4], values: [Float]()))
        #expect(read.tensors.count == 6)
        let error = #expect(throws: FitError.self) { try SafetensorsFile(contentsOf: Fixture.file("half.safetensors")) }
        #expect(error?.category == .badData && error?.description.contains("tensor 'half' is of type F16, which is not supported") == true)
    }

    /// The fixture `swift.safetensors` is a file of ours that Python has opened: see `Fixtures/make_safetensors.py`.
    @Test func `What Python has opened is still what is written`() throws {
        let scratch = try ScratchFolder()
        let tensors = ["a": Tensor(shape: [2, 2], values: [Float(1), 2, 3, 4]), "b/c": Tensor(shape: [3], values: [Int64(5), 6, 7]), "d": Tensor(shape: [0], values: [UInt8]())]
        try SafetensorsFile(tensors: tensors, metadata: ["text": "ä \"b\""]).write(to: Self.file(scratch))
        if let wanted = ProcessInfo.processInfo.environment["FWOC_WRITE_FIXTURE"] { try Data(ScratchFolder.bytes(Self.file(scratch).path)).write(to: URL(fileURLWithPath: wanted)) }
        let fixture = Fixture.file("swift.safetensors")
        #expect(try ScratchFolder.bytes(Self.file(scratch).path) == ScratchFolder.bytes(fixture.path))
    }

    @Test func `Every flipped byte is refused, in the header as well`() throws {
        let scratch = try ScratchFolder()
        let url = Self.file(scratch), written = SafetensorsFile(tensors: Self.tensors, metadata: Self.metadata)
        try written.write(to: url)
        let whole = try ScratchFolder.bytes(url.path)
        // The key of the digest itself: without it the file is one of another program's.
        let key = try #require(String(decoding: whole, as: UTF8.self).range(of: "fwoc.file.sha256"))
        let place = String(decoding: whole, as: UTF8.self)[..<key.lowerBound].utf8.count
        for position in whole.indices {
            var bytes = whole
            bytes[position] ^= UInt8(1 << (position % 7))
            try ScratchFolder.write(bytes, url.path)
            do {
                let read = try SafetensorsFile(contentsOf: url)
                #expect((place..<place + 16).contains(position) && read.tensors.keys == written.tensors.keys, "byte \(position) of \(whole.count)")
            } catch {
                #expect(error.category == .badData && error.description.contains(url.path))
            }
        }
        for count in stride(from: 0, to: whole.count, by: 13) {
            try ScratchFolder.write(Array(whole[..<count]), url.path)
            let error = #expect(throws: FitError.self) { try SafetensorsFile(contentsOf: url) }
            #expect(error?.category == .badData)
        }
        try ScratchFolder.write(whole + [0], url.path)
        #expect(throws: FitError.self) { try SafetensorsFile(contentsOf: url) }
    }

    /// Headers that nobody writes by accident, and what is said of them.
    private static let hostile: [(String, String)] = [
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "needs 8"), (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, "'a'"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#, "'a'"), (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, "shape [-2]"),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, "shape"),
        (#"{"a":{"dtype":"F32","shape":[2147483648,2147483648,2147483648],"data_offsets":[0,0]}}"#, "shape"),
        (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,9223372036854775807]}}"#, "'a'"), (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[8]}}"#, "'a'"),
        (#"{"a":{"dtype":"F32","shape":[1e300],"data_offsets":[0,8]}}"#, "header is damaged"), (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":"0,8"}}"#, "header is damaged"),
        (#"{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}"#, "type C64"), (#"{"__metadata__":{"a":1}}"#, "header is damaged"), (#"["a"]"#, "header is damaged"), ("", "header is damaged"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, "overlap"),
        (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, "overlap"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}"#, "gap"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "gap"),
        (String(repeating: "[", count: 100_000), "header is damaged"), (#"{"a":"# + String(repeating: "{\"a\":", count: 100_000), "header is damaged"),
    ]

    @Test(arguments: hostile)
    func `A hostile header is refused`(_ header: String, _ message: String) throws {
        let scratch = try ScratchFolder()
        let url = Self.file(scratch)
        let length = UInt64(header.utf8.count)
        try ScratchFolder.write((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8) + [UInt8](repeating: 0, count: 16), url.path)
        let error = #expect(throws: FitError.self) { try SafetensorsFile(contentsOf: url) }
        #expect(error?.category == .badData && error?.description.contains(message) == true && error?.description.contains(url.path) == true, "\(error?.description.prefix(300) ?? "")")
    }

    @Test(arguments: [UInt64.max, UInt64.max - 7, UInt64(1) << 63, UInt64(1) << 40, UInt64(9), UInt64(17)])
    func `A header longer than the file is refused`(_ length: UInt64) throws {
        let scratch = try ScratchFolder()
        let url = Self.file(scratch)
        try ScratchFolder.write((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array("{}      ".utf8), url.path)
        let error = #expect(throws: FitError.self) { try SafetensorsFile(contentsOf: url) }
        #expect(error?.description.contains("\(length) bytes, the file has 16") == true)
    }

    @Test func `A file that is not there, or cannot be written, is said`() throws {
        let scratch = try ScratchFolder()
        let none = #expect(throws: FitError.self) { try SafetensorsFile(contentsOf: Self.file(scratch)) }
        #expect(none?.category == .noInput && none?.description.contains("x.safetensors") == true)
        let nowhere = URL(fileURLWithPath: scratch.file("nowhere/x.safetensors"))
        let unwritten = #expect(throws: FitError.self) { try SafetensorsFile(tensors: [:]).write(to: nowhere) }
        #expect(unwritten?.category == .inputOutput && unwritten?.description.contains("No such file or directory") == true)
    }
}

/// Files beside the tests.
enum Fixture {
    static func file(_ name: String) -> URL { Foundation.Bundle.module.bundleURL.appending(path: "Fixtures/\(name)") }
}
