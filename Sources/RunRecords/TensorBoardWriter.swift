// Scalars for TensorBoard. An event file is a sequence of records (TFRecord):
//
//     length   uint64, little-endian
//     masked CRC-32C of the length, uint32
//     payload  an Event of tensorflow/core/util/event.proto, protocol buffers
//     masked CRC-32C of the payload, uint32
//
//     masked(c) = ((c >> 15) | (c << 17)) + 0xa282ead8
//
// Source: tensorflow/core/lib/io/record_writer.h, event.proto and summary.proto.

import CKernels
public import Foundation

/// Writes numbers into an event file that TensorBoard shows. Each call's numbers are in the file when it returns. Thread-bound.
public final class TensorBoardWriter {
    /// How the names of event files begin.
    public static let prefix = "events.out.tfevents."
    public let path: String
    private let file: RecordFile
    private let now: @Sendable () -> Date

    /// Begins an event file in a folder that exists.
    /// - Parameters:
    ///   - step: TensorBoard then hides what earlier files of the folder say of later steps.
    ///   - now: the time of events.
    /// - Throws: ``RunRecordError`` where it cannot be written.
    public init(folder: String, resumedAfterStep step: Int? = nil, now: @escaping @Sendable () -> Date = { Date() }) throws(RunRecordError) {
        // TensorBoard reads a folder's files in the order of their names: that of their seconds, then of their numbers.
        let seconds = String(format: "%010d", Int(now().timeIntervalSince1970))
        var number = 0
        func name() -> String { (folder as NSString).appendingPathComponent("\(Self.prefix)\(seconds).\(String(format: "%03d", number)).fwoc") }
        while RecordFile.exists(name()) { number += 1 }
        path = name()
        file = try RecordFile(path, .creating)
        self.now = now
        var version = ProtobufMessage()
        version.append(1, now().timeIntervalSince1970)
        version.append(3, Array("brain.Event:2".utf8))
        try write(version)
        // TensorBoard takes the first start of all for no restart, so that the first file must have one too.
        try restart(afterStep: step ?? 0)
    }

    /// Says that what was written of later steps does not count.
    public func restart(afterStep step: Int) throws(RunRecordError) {
        var session = ProtobufMessage()
        // SessionLog.status = START
        session.append(1, integer: 1)
        var event = ProtobufMessage()
        event.append(1, now().timeIntervalSince1970)
        event.append(2, integer: step + 1)
        event.append(7, session.bytes)
        try write(event)
    }

    /// Appends the numbers of a step; those that are absent are left out.
    public func append(_ values: [RunValue], step: Int) throws(RunRecordError) {
        var summary = ProtobufMessage()
        for value in values {
            guard let number = value.value else { continue }
            var entry = ProtobufMessage()
            entry.append(1, Array(value.name.utf8))
            entry.append(2, Float(number))
            summary.append(1, entry.bytes)
        }
        guard !summary.bytes.isEmpty else { return }
        var event = ProtobufMessage()
        event.append(1, now().timeIntervalSince1970)
        event.append(2, integer: step)
        event.append(5, summary.bytes)
        try write(event)
    }

    private func write(_ event: borrowing ProtobufMessage) throws(RunRecordError) { try file.append(Self.framed(event.bytes)) }

    /// A payload with its length and checksums.
    public static func framed(_ payload: [UInt8]) -> [UInt8] {
        let length = littleEndian(UInt64(payload.count))
        return length + littleEndian(maskedChecksum(length)) + payload + littleEndian(maskedChecksum(payload))
    }

    /// CRC-32C, turned and shifted so that the checksum of data that hold checksums is none of theirs.
    public static func maskedChecksum(_ bytes: [UInt8]) -> UInt32 {
        let checksum = unsafe bytes.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return UInt32(0) }
            return unsafe fwoc_crc32c(0, start, bytes.count)
        }
        return (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8
    }

    private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}

/// A message of protocol buffers, field by field.
struct ProtobufMessage {
    private(set) var bytes: [UInt8] = []

    private mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func appendKey(_ field: UInt64, wire: UInt64) { appendVarint(field << 3 | wire) }

    mutating func append(_ field: UInt64, integer value: Int) {
        appendKey(field, wire: 0)
        appendVarint(UInt64(bitPattern: Int64(value)))
    }

    mutating func append(_ field: UInt64, _ value: Double) {
        appendKey(field, wire: 1)
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> (shift * 8))) }
    }

    mutating func append(_ field: UInt64, _ value: Float) {
        appendKey(field, wire: 5)
        for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> (shift * 8))) }
    }

    /// Text, bytes or a message.
    mutating func append(_ field: UInt64, _ value: [UInt8]) {
        appendKey(field, wire: 2)
        appendVarint(UInt64(value.count))
        bytes += value
    }
}
