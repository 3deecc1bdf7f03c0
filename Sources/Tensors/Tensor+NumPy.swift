public import Foundation

/// Why a `.npy` file is refused.
public struct NumPyError: Error, Equatable, CustomStringConvertible {
    public let description: String
}

/// NumPy's `.npy` format, versions 1 to 3, little-endian, C or Fortran order
/// (numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
extension Tensor {
    private static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
    private static let descriptors: [(String, ElementType)] = [
        ("<f4", .float32), ("<f8", .float64), ("|i1", .int8), ("|u1", .uint8), ("<i2", .int16), ("<u2", .uint16), ("<i4", .int32),
        ("<u4", .uint32), ("<i8", .int64), ("<u8", .uint64), ("|b1", .bool),
    ]

    public init(npyFile url: URL) throws(NumPyError) {
        let data: Data
        do { data = try Data(contentsOf: url) } catch {
            throw NumPyError(description: "\(url.path): cannot be read: \(error.localizedDescription)")
        }
        do { try self.init(npy: data) } catch { throw NumPyError(description: "\(url.path): \(error.description)") }
    }

    public init(npy data: Data) throws(NumPyError) {
        let bytes = [UInt8](data)
        guard bytes.count >= 10, Array(bytes[0..<6]) == Self.magic else {
            throw NumPyError(description: "not a NumPy file: it does not begin with \\x93NUMPY")
        }
        let version = bytes[6]
        guard (1...3).contains(version) else { throw NumPyError(description: "NumPy format version \(version); 1 to 3 are read") }
        let lengthSize = version == 1 ? 2 : 4
        guard bytes.count >= 8 + lengthSize else { throw NumPyError(description: "the file ends within its header") }
        let length = (0..<lengthSize).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
        let start = 8 + lengthSize + length
        guard start <= bytes.count else { throw NumPyError(description: "the header claims \(length) bytes, the file has \(bytes.count)") }
        let header = String(decoding: bytes[(8 + lengthSize)..<start], as: UTF8.self)
        guard let descriptor = Self.value(of: "descr", in: header), let order = Self.value(of: "fortran_order", in: header),
            let shapeText = Self.value(of: "shape", in: header)
        else { throw NumPyError(description: "the header lacks 'descr', 'fortran_order' or 'shape': \(header)") }
        let name = descriptor.trimmingCharacters(in: CharacterSet(charactersIn: "'\" "))
        let native = name.hasPrefix("=") ? "<" + name.dropFirst() : name.hasPrefix("?") ? "|b1" : name
        guard let elementType = Self.descriptors.first(where: { $0.0 == native })?.1 else {
            throw NumPyError(
                description: "elements of type \(name); expected one of \(Self.descriptors.map(\.0).joined(separator: " "))")
        }
        var shape: [Int] = []
        var count = 1
        for part in shapeText.trimmingCharacters(in: CharacterSet(charactersIn: "() ")).split(separator: ",") {
            let text = part.trimmingCharacters(in: .whitespaces)
            if text.isEmpty { continue }
            guard let size = Int(text), size >= 0 else { throw NumPyError(description: "shape \(shapeText)") }
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow, product <= bytes.count * 8 + 8 else {
                throw NumPyError(description: "shape \(shapeText) is larger than the file")
            }
            count = product
            shape.append(size)
        }
        let got = bytes.count - start
        guard got == count * elementType.size else {
            throw NumPyError(description: "shape \(shape) of \(elementType) needs \(count * elementType.size) bytes, the file has \(got)")
        }
        let payload = Array(bytes[start...])
        if order.contains("True"), shape.count > 1 {
            self.init(shape: shape, elementType: elementType, bytes: Self.rowMajor(payload, shape: shape, size: elementType.size))
        } else {
            self.init(shape: shape, elementType: elementType, bytes: payload)
        }
    }

    /// The tensor as the bytes of a `.npy` file, version 1.
    public var npy: Data {
        let descriptor = Self.descriptors.first { $0.1 == elementType }?.0 ?? "|u1"
        let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var header = "{'descr': '\(descriptor)', 'fortran_order': False, 'shape': (\(sizes)), }"
        // The data begin at a multiple of 64 bytes.
        let unpadded = 10 + header.utf8.count + 1
        header += String(repeating: " ", count: (64 - unpadded % 64) % 64) + "\n"
        var data = Data(Self.magic)
        data.append(contentsOf: [1, 0, UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)])
        data.append(contentsOf: header.utf8)
        data.append(contentsOf: bytes)
        return data
    }

    /// The text after `'key':`, up to the next key or the end of the dictionary.
    private static func value(of key: String, in header: String) -> String? {
        guard let range = header.range(of: "'\(key)':") else { return nil }
        var depth = 0
        var text = ""
        for character in header[range.upperBound...] {
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if (character == "," && depth == 0) || character == "}" { break }
            text.append(character)
        }
        return text
    }

    private static func rowMajor(_ bytes: [UInt8], shape: [Int], size: Int) -> [UInt8] {
        var strides: [Int] = []
        var stride = 1
        for length in shape {
            strides.append(stride)
            stride *= length
        }
        var result = [UInt8](repeating: 0, count: bytes.count)
        var index = [Int](repeating: 0, count: shape.count)
        for target in 0..<stride {
            let source = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
            for byte in 0..<size { result[target * size + byte] = bytes[source * size + byte] }
            for dimension in shape.indices.reversed() {
                index[dimension] += 1
                if index[dimension] < shape[dimension] { break }
                index[dimension] = 0
            }
        }
        return result
    }
}
