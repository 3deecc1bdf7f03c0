import Foundation
import Tensors
import Testing

struct NumPyTests {
    /// What `numpy.save` of NumPy 2.4 writes for `numpy.arange(6, dtype='<f4').reshape(2, 3)`, in Fortran order on request.
    static func file(_ header: String, _ payload: [UInt8]) -> Data {
        let text = header + "\n"
        return Data([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, UInt8(text.utf8.count), 0]) + Data(text.utf8) + Data(payload)
    }

    @Test(arguments: [[], [0], [7], [2, 3], [1, 5, 2]])
    func roundTrip(shape: [Int]) throws {
        let values = (0..<Tensor.elementCount(shape)).map { Float($0) - 1.5 }
        let tensor = Tensor(shape: shape, values: values)
        #expect(try Tensor(npy: tensor.npy) == tensor)
        #expect(tensor.npy.count % 64 == (values.count * 4) % 64)
    }

    @Test func everyElementType() throws {
        for type in ElementType.allCases {
            let tensor = Tensor(shape: [3], elementType: type, bytes: [UInt8](0..<UInt8(3 * type.size)))
            #expect(try Tensor(npy: tensor.npy) == tensor)
        }
    }

    @Test func fortranOrder() throws {
        let columnMajor: [Float] = [0, 3, 1, 4, 2, 5]
        let payload = Tensor(shape: [6], values: columnMajor).bytes
        let tensor = try Tensor(npy: Self.file("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", payload))
        #expect(tensor.values(as: Float.self) == [0, 1, 2, 3, 4, 5])
        #expect(tensor.shape == [2, 3])
    }

    @Test(arguments: [
        ("", "does not begin"), ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "needs 8 bytes"),
        ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "<c8"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", "larger than the file"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "shape"), ("{'fortran_order': False}", "lacks"),
    ])
    func refused(header: String, message: String) {
        let data = header.isEmpty ? Data("no numpy file".utf8) : Self.file(header, [1, 2, 3])
        #expect { try Tensor(npy: data) } throws: { "\($0)".contains(message) }
    }

    @Test func truncated() throws {
        let whole = Tensor(shape: [4], values: [Float](repeating: 1, count: 4)).npy
        for count in stride(from: 0, to: whole.count - 1, by: 7) {
            #expect(throws: NumPyError.self) { try Tensor(npy: whole.prefix(count)) }
        }
    }
}
