// How invented people compare with real ones, by reference models and by regressions: what the card of the synthesis quotes. Contains espeak-ng, and is therefore under the
// GNU General Public License, version 3 or later, like fwoc-synth.
//
// The usage below says what there is; each kind of comparison is described where it is made.
import Foundation
import SyntheticVoices

let usage = """
    synthesis-bench voices ENCODER.onnx [--count 100] [--seed 1] [--wav DIR]
    synthesis-bench mouths MODEL --detector YUNET.onnx --landmarks FACE_MESH.onnx [--cache DIR] [--count 120] [--clips 0] [--models DIR] [--seed 1] CLIPS...
    synthesis-bench speaking LR_ASD.onnx --detector YUNET.onnx [--count 40] [--models DIR] [--seed 1] [--keep DIR] CLIPS...
    """

func option(_ name: String) -> String? {
    guard let index = CommandLine.arguments.firstIndex(of: "--" + name), index + 1 < CommandLine.arguments.count else { return nil }
    return CommandLine.arguments[index + 1]
}

/// What is neither an option nor an option's value.
let operands = CommandLine.arguments.indices.dropFirst().filter { index in
    !CommandLine.arguments[index].hasPrefix("--") && !CommandLine.arguments[index - 1].hasPrefix("--")
}.map { CommandLine.arguments[$0] }
let seed = option("seed").flatMap(UInt64.init) ?? 1

/// The number that an option gives, else the usual one.
func number(_ name: String = "count", else usual: Int) -> Int { option(name).flatMap(Int.init) ?? usual }

do {
    switch operands.count > 1 ? operands[0] : "" {
    case "voices": try compareVoices(encoder: operands[1])
    case "mouths": try compareMouths(model: operands[1], clips: Array(operands.dropFirst(2)))
    case "speaking": try compareSpeaking(network: operands[1], clips: Array(operands.dropFirst(2)))
    default:
        print(usage)
        exit(64)
    }
} catch {
    FileHandle.standardError.write(Data("synthesis-bench: \(error)\n".utf8))
    exit(1)
}
