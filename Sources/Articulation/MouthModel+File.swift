import Datasets
import Foundation

/// The file: little-endian, 8 bytes of ``magic``, version, bands, steps and outputs as 32-bit integers, then as 32-bit floats the mean opening, the deviations of
/// opening and width, the biases, the weights, and last CRC-32C of all before it.
extension MouthModel {
    static let magic: [UInt8] = Array("fwocmth\n".utf8)
    static let version: UInt32 = 1
    /// Bytes of a file.
    public static let fileSize = 8 + 4 * 4 + 4 * (3 + 2 + 2 * inputs) + 4

    /// - Throws: ``MouthModelError`` for a file that is not there, not of this kind or version, damaged, or holds numbers that are none.
    public init(contentsOf path: String) throws(MouthModelError) {
        let data: Data
        do {
            guard let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int else { throw CocoaError(.fileReadUnknown) }
            guard size <= 1 << 20 else { throw MouthModelError(.badData, "\(path): \(size) bytes, expected \(Self.fileSize); it is no mouth model") }
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch let error as MouthModelError {
            throw error
        } catch {
            throw MouthModelError(.noInput, "\(path): cannot be read (\(error.localizedDescription)); make one with fwoc-train mouth-model")
        }
        do { try self.init(bytes: Array(data)) } catch { throw MouthModelError(error.category, "\(path): \(error.description)") }
    }

    /// - Throws: as ``init(contentsOf:)``.
    public init(bytes: [UInt8]) throws(MouthModelError) {
        guard bytes.count >= 8, Array(bytes[..<8]) == Self.magic else { throw MouthModelError(.badData, "it is no mouth model: it does not begin as one") }
        func integer(_ at: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) } }
        guard bytes.count >= 12 else { throw MouthModelError(.badData, "\(bytes.count) bytes, expected \(Self.fileSize); it is cut off") }
        guard integer(8) == Self.version else {
            throw MouthModelError(.badData, "version \(integer(8)), expected \(Self.version); make it again with fwoc-train mouth-model")
        }
        guard bytes.count == Self.fileSize else { throw MouthModelError(.badData, "\(bytes.count) bytes, expected \(Self.fileSize)") }
        let shape = [integer(12), integer(16), integer(20)], expected = [UInt32(SoundWindow.bands), UInt32(SoundWindow.steps), 2]
        guard shape == expected else { throw MouthModelError(.badData, "bands, steps and outputs \(shape), expected \(expected)") }
        let content = Array(bytes.dropLast(4))
        let sum = Checksum.of(content.span)
        guard sum == integer(bytes.count - 4) else {
            throw MouthModelError(.badData, "checksum \(String(integer(bytes.count - 4), radix: 16)), expected \(String(sum, radix: 16)); it is damaged")
        }
        let numbers = stride(from: 24, to: bytes.count - 4, by: 4).map { Float(bitPattern: integer($0)) }
        guard let at = numbers.firstIndex(where: { !$0.isFinite || abs($0) > 100 }) else {
            guard numbers[0] >= 0, numbers[1] >= 0, numbers[2] >= 0 else { throw MouthModelError(.badData, "a negative mean opening or deviation: \(numbers[0...2])") }
            self.init(weights: Array(numbers[5...]), bias: Array(numbers[3..<5]), meanOpening: numbers[0], openingDeviation: numbers[1], widthDeviation: numbers[2])
            return
        }
        throw MouthModelError(.badData, "\(numbers[at]) at byte \(24 + 4 * at), expected a number within ±100")
    }

    /// As the file has it.
    public var bytes: [UInt8] {
        var bytes = Self.magic
        func add(_ value: UInt32) { for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(shift))) } }
        for value in [Self.version, UInt32(SoundWindow.bands), UInt32(SoundWindow.steps), 2] { add(value) }
        for value in [meanOpening, openingDeviation, widthDeviation] + bias + weights { add(value.bitPattern) }
        add(Checksum.of(bytes.span))
        return bytes
    }

    /// Whole or not at all.
    public func write(to path: String) throws(MouthModelError) {
        do { try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
            throw MouthModelError(.inputOutput, "\(path): cannot be written (\(error.localizedDescription))")
        }
    }
}
