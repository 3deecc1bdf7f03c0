// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
//
// The package is the architecture diagram: layers from the bottom up, every arrow points down.

import Foundation
import PackageDescription

let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatWarning("StrictMemorySafety", as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let collections: Target.Dependency = .product(name: "Collections", package: "swift-collections")
let database: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let yaml: Target.Dependency = .product(name: "Yams", package: "Yams")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: [.copy("Fixtures")], swiftSettings: house)
}

/// libtorch for the trainer: Debian's `libtorch-dev`, or the folder that FWOC_LIBTORCH names (with `include` and `lib`; 2.x, CUDA or not).
let libtorch = ProcessInfo.processInfo.environment["FWOC_LIBTORCH"]
let hasCUDA = libtorch.map { FileManager.default.fileExists(atPath: $0 + "/lib/libtorch_cuda.so") } ?? false
// Training with several processes wants gloo's headers, of the version that libtorch was built with: Debian's `libgloo-dev`, or beside the other libtorch's own.
let hasGloo = libtorch.map { FileManager.default.fileExists(atPath: $0 + "/include/gloo/context.h") } ?? true
let torchCompile: [CXXSetting] = (libtorch.map { [.unsafeFlags(["-I\($0)/include"])] } ?? []) + (hasGloo ? [.define("CTORCH_GLOO")] : [])
// By path: `-L` comes behind the system's folders, where another libtorch may be.
let torchLink: [LinkerSetting] =
    libtorch.map { folder in
        ["torch", "torch_cpu", "c10"].map { .unsafeFlags(["-Xlinker", "\(folder)/lib/lib\($0).so"]) } + [.unsafeFlags(["-Xlinker", "-rpath", "-Xlinker", "\(folder)/lib"])]
            // Nothing names a symbol of the CUDA library: it registers itself, if it is linked at all.
            + (hasCUDA ? [.unsafeFlags(["-Xlinker", "--no-as-needed"]), .unsafeFlags(["torch_cuda", "c10_cuda"].flatMap { ["-Xlinker", "\(folder)/lib/lib\($0).so"] })] : [])
    } ?? [.linkedLibrary("torch"), .linkedLibrary("torch_cpu"), .linkedLibrary("c10")]

let package = Package(
    name: "fwoc",
    products: [
        .executable(name: "fwoc-agent", targets: ["fwoc-agent"]),
        .executable(name: "fwoc-train", targets: ["fwoc-train"]),
        .executable(name: "fwoc-synth", targets: ["fwoc-synth"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: [
        // C: module maps, shims and SIMD kernels
        .target(name: "CKernels"),
        .target(name: "CRaster"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "CFFmpeg"),
        .systemLibrary(name: "CCairo", pkgConfig: "cairo", providers: [.apt(["libcairo2-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CVideo4Linux", pkgConfig: "libv4l2", providers: [.apt(["libv4l-dev"])]),
        .systemLibrary(name: "CPulse", pkgConfig: "libpulse", providers: [.apt(["libpulse-dev"])]),
        // espeak-ng is under GPL-3: a program that contains it is distributed under that licence. Neither agent nor trainer may depend on it.
        .systemLibrary(name: "CEspeak", pkgConfig: "espeak-ng", providers: [.apt(["libespeak-ng-dev"])]),
        .systemLibrary(name: "CMosquitto", pkgConfig: "libmosquitto", providers: [.apt(["libmosquitto-dev"])]),

        // Vocabulary
        .target(name: "Tensors", swiftSettings: house),
        .target(name: "MediaTypes", dependencies: ["CLinux"], swiftSettings: house),

        // Shared by agent and trainer
        .target(name: "MediaFiles", dependencies: ["MediaTypes", "CFFmpeg", "CCairo"], swiftSettings: house),
        .target(name: "FrontEnd", dependencies: ["MediaTypes", "Tensors", "CKernels"], swiftSettings: house),
        // Generated from onnx.proto by protoc-gen-swift, and therefore outside the rules for written code.
        .target(name: "ONNXProtobuf", dependencies: [protobuf], exclude: ["onnx.proto"], swiftSettings: [.swiftLanguageMode(.v6)]),
        .target(name: "ModelBundle", dependencies: ["Tensors", "ONNXProtobuf", "COpenSSL", protobuf, yaml], swiftSettings: house),
        .target(name: "Inference", dependencies: ["Tensors", "ModelBundle", "CKernels"], swiftSettings: house),
        .target(name: "Biometrics", dependencies: ["Tensors"], swiftSettings: house),
        .target(name: "Figures", dependencies: ["Biometrics"], swiftSettings: house),
        .target(name: "GroundTruth", dependencies: ["Figures"], swiftSettings: house),

        // People who do not exist
        .target(name: "SyntheticFaces", dependencies: ["Biometrics", "MediaTypes", "CKernels", "CRaster"], swiftSettings: house),

        // The agent
        .target(name: "Gallery", dependencies: [database, logging, "Tensors"], swiftSettings: house),
        .target(name: "Recognition",
            dependencies: ["FrontEnd", "Inference", "ModelBundle", "Gallery", "Biometrics", "MediaTypes", "Tensors", collections, logging],
            swiftSettings: house),
        .target(name: "Capture", dependencies: ["MediaTypes", "MediaFiles", "CKernels", "CVideo4Linux", "CPulse", "CLinux", logging], swiftSettings: house),
        .target(name: "Publishing", dependencies: ["MediaTypes", "Recognition", "Gallery", "CMosquitto", database, logging], exclude: ["Schemas"], swiftSettings: house),
        .target(name: "AgentRuntime",
            dependencies: [
                "Capture", "Recognition", "Publishing", "Gallery", "MediaFiles", "ModelBundle", "Inference", "FrontEnd", "MediaTypes", logging, yaml,
                .product(name: "FlyingFox", package: "FlyingFox"), .product(name: "FlyingSocks", package: "FlyingFox"),
            ],
            swiftSettings: house),
        .executableTarget(name: "fwoc-agent", dependencies: [.product(name: "FlyingSocks", package: "FlyingFox"), "GroundTruth", "Figures", "Biometrics", "AgentRuntime", "Recognition", "Publishing", "Gallery", "ModelBundle", "Inference", "Tensors", "MediaTypes", argumentParser, logging], swiftSettings: house),

        // The trainer
        .target(name: "CTorch", cxxSettings: torchCompile, linkerSettings: torchLink),
        .target(name: "Training", dependencies: ["CTorch", "Datasets", "Evaluation", "Biometrics", "RunRecords", "Quantization", "Recognition", "Inference", "FrontEnd", "ModelBundle", "MediaTypes", "Tensors"], swiftSettings: house),
        // Our half of Benchmarks/training.py; no product.
        .executableTarget(name: "training-bench", dependencies: ["Training", "ModelBundle", "Tensors"], path: "Benchmarks/TrainingBench", swiftSettings: house),
        .target(name: "Evaluation", dependencies: ["Biometrics", "Tensors"], swiftSettings: house),
        .target(name: "RunRecords", dependencies: ["Evaluation", "CKernels"], swiftSettings: house),
        .target(name: "Quantization", dependencies: ["Inference", "ModelBundle", "Tensors"], swiftSettings: house),
        .target(name: "Reporting", dependencies: ["Figures", "RunRecords", "Evaluation", "Quantization", "Biometrics"], swiftSettings: house),
        .target(name: "Datasets", dependencies: ["Recognition", "MediaFiles", "FrontEnd", "ModelBundle", "MediaTypes", "CKernels"], swiftSettings: house),
        .executableTarget(name: "fwoc-train", dependencies: ["Figures", "FaceModelling", "SyntheticFaces", "Training", "RunRecords", "Datasets", "Articulation", "Evaluation", "Biometrics", "Reporting", "Quantization", "Inference", "Recognition", "ModelBundle", "MediaFiles", "Tensors", argumentParser], swiftSettings: house),

        // Synthetic clips, and what makes their models
        .target(name: "FaceModelling",
            dependencies: ["SyntheticFaces", "Recognition", "Inference", "FrontEnd", "ModelBundle", "MediaFiles", "MediaTypes", "Biometrics"], swiftSettings: house),
        .target(name: "Articulation", dependencies: ["Datasets", "Recognition", "Inference", "ModelBundle", "MediaFiles", "FrontEnd", "MediaTypes", "Tensors"], swiftSettings: house),
        .target(name: "SyntheticVoices", dependencies: ["CEspeak", "Articulation", "Datasets"], swiftSettings: house),
        .target(name: "SyntheticClips", dependencies: ["SyntheticFaces", "SyntheticVoices", "Articulation", "GroundTruth", "Datasets", "MediaFiles", "MediaTypes", "ModelBundle", "Biometrics"], swiftSettings: house),
        // Distributed under GPL-3, for espeak-ng is in it.
        .executableTarget(name: "fwoc-synth", dependencies: ["SyntheticClips", "SyntheticFaces", "SyntheticVoices", "Articulation", "GroundTruth", "Datasets", "MediaFiles", "ModelBundle", argumentParser], swiftSettings: house),
        // Figures of the card of the synthesis; no product.
        .executableTarget(name: "synthesis-bench", dependencies: ["SyntheticClips", "SyntheticFaces", "SyntheticVoices", "Articulation", "GroundTruth", "Datasets", "Recognition", "Biometrics", "ModelBundle", "MediaFiles", "FrontEnd", "MediaTypes", "Tensors"], path: "Benchmarks/SynthesisBench", swiftSettings: house),

        // Interposes malloc in a test executable; nothing but tests may depend on it.
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        // Camera, sound server, broker and service manager for tests of the whole program.
        .target(name: "LiveParts", path: "Tests/LiveParts", swiftSettings: house),
        tests("TensorsTests", ["Tensors"]),
        tests("MediaTypesTests", ["MediaTypes", "CAllocationCounter"]),
        tests("MediaFilesTests", ["MediaFiles"]),
        tests("FrontEndTests", ["FrontEnd", "Tensors", "MediaTypes", "CAllocationCounter"]),
        tests("BiometricsTests", ["Biometrics", "Tensors"]),
        tests("EvaluationTests", ["Evaluation", "Biometrics"]),
        // Killed by the durability test in the midst of its work.
        .executableTarget(name: "run-crash-writer", dependencies: ["RunRecords"], path: "Tests/RunCrashWriter", swiftSettings: house),
        tests("RunRecordsTests", ["RunRecords", "Evaluation", "run-crash-writer"]),
        tests("GroundTruthTests", ["GroundTruth", "Figures"]),
        tests("ReportingTests", ["Figures", "Reporting", "RunRecords", "Evaluation", "Biometrics"]),
        tests("ModelBundleTests", ["ModelBundle", "Tensors", "NodeTestCases"]),
        // ONNX's own node tests, for every executor of graphs.
        .target(name: "NodeTestCases", dependencies: ["Tensors"], path: "Tests/NodeTestCases", resources: [.copy("Fixtures")], swiftSettings: house),
        tests("InferenceTests", ["Inference", "ModelBundle", "Tensors", "CKernels", "CAllocationCounter", "NodeTestCases"]),
        // One of several processes that train together; started, compared and killed by the tests.
        .executableTarget(name: "distributed-trainer", dependencies: ["Training", "ModelBundle", "Tensors"], path: "Tests/DistributedTrainer", swiftSettings: house),
        tests("TrainingTests", ["Training", "Recognition", "FrontEnd", "MediaTypes", "Datasets", "RunRecords", "Evaluation", "Biometrics", "Inference", "ModelBundle", "Tensors", "NodeTestCases", "distributed-trainer", "fwoc-train"]),
        // Killed by the durability test in the midst of its work.
        .executableTarget(name: "gallery-crash-writer", dependencies: ["Gallery"], path: "Tests/GalleryCrashWriter", swiftSettings: house),
        tests("GalleryTests", ["Gallery", "gallery-crash-writer", database]),
        tests("RecognitionTests", ["Recognition", "Gallery", "Biometrics", "MediaTypes"]),
        tests("CaptureTests", ["LiveParts", "Capture", "MediaTypes", "MediaFiles", "CAllocationCounter", logging]),
        // Killed by the durability tests in the midst of their work.
        .executableTarget(name: "outbox-crash-writer", dependencies: ["Publishing", "MediaTypes"], path: "Tests/OutboxCrashWriter", swiftSettings: house),
        .executableTarget(name: "publisher-crash-writer", dependencies: ["Publishing", "MediaTypes"], path: "Tests/PublisherCrashWriter", swiftSettings: house),
        tests("PublishingTests", ["LiveParts", "Publishing", "Recognition", "Gallery", "MediaTypes", "outbox-crash-writer", "publisher-crash-writer"]),
        tests("AgentRuntimeTests", ["AgentRuntime", "Gallery", "Publishing", "MediaTypes", "Recognition", logging, yaml]),
        tests("AgentTests", ["LiveParts", "CAllocationCounter", "AgentRuntime", "Recognition", "Publishing", "Gallery", "MediaFiles", "MediaTypes", "fwoc-agent"]),
        tests("QuantizationTests", ["Quantization", "Training", "Datasets", "Inference", "ModelBundle", "Tensors"]),
        tests("SyntheticFacesTests", ["SyntheticFaces", "CRaster", "Biometrics", "MediaTypes"]),
        tests("FaceModellingTests", ["FaceModelling", "SyntheticFaces", "ModelBundle", "MediaTypes", "Biometrics"]),
        tests("DatasetsTests", ["Datasets", "RunRecords", "Recognition", "ModelBundle", "Tensors", "fwoc-train"]),
        tests("SyntheticClipsTests", ["SyntheticClips", "SyntheticFaces", "SyntheticVoices", "Articulation", "GroundTruth", "Datasets", "MediaFiles", "MediaTypes", "ModelBundle", "fwoc-synth"]),
        tests("ArticulationTests", ["Articulation", "FrontEnd", "Datasets"]),
        tests("SyntheticVoicesTests", ["SyntheticVoices", "Articulation", "Datasets"]),
        // Runs the program as a service on a machine of its own.
        tests("LiveLabTests", ["fwoc-agent"]),
    ],
    cxxLanguageStandard: .cxx17
)
